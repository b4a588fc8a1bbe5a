# Runs the text in $1 with bash and ends with its exit code. A signal goes at once to every shell
# of the text and to every program that a shell started; the end of all of them is awaited.
exec {both}<> <(:)
exec {held}>"/dev/fd/$both" {freed}<"/dev/fd/$both" {both}>&-
main= caught=
declare -A parent group told
look() {
  local file line rest
  parent=() group=()
  for file in /proc/[0-9]*/stat; do
    read -r line <"$file" || continue
    rest=(${line##*) })
    parent[${line%% *}]=${rest[1]} group[${line%% *}]=${rest[2]}
  done
}
tell() {
  local process children=() name=
  told[$2]=1
  if [[ /proc/$2/exe -ef $BASH || /proc/$2/exe -ef /bin/sh ]]; then
    for process in "${!parent[@]}"; do [[ ${parent[$process]} == "$2" ]] && children+=("$process"); done
  fi
  read -r name <"/proc/$2/comm"
  [[ -p /proc/$2/fd/0 && $name =~ ^(tee|cat|grep|sed|[gm]?awk|ts|tr|cut|sort|head|tail|gzip)$ ]] || kill -s "$1" "$2"
  for process in "${children[@]}"; do tell "$1" "$process"; done
}
forward() {
  local process
  [[ $main ]] || exit "$2"
  caught=1
  for _ in first "forked meanwhile"; do
    look
    for process in "${!group[@]}"; do
      [[ ${group[$process]} == "$main" && ${group[${parent[$process]}]-} != "$main" && ! ${told[$process]-} ]] &&
        tell "$1" "$process"
    done
  done
}
trap 'forward TERM 143' TERM
trap 'forward INT 130' INT
trap 'forward QUIT 131' QUIT
trap 'forward HUP 129' HUP
set -m
bash -c -- "$1" {freed}<&- &
main=$!
set +m
exec {held}>&- 2>/dev/null
while caught=; wait "$main"; code=$?; [[ $caught ]]; do :; done
((${#told[@]} > 1)) && read -r -u "$freed"
exit "$code"
