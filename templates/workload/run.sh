# Runs the text in $1 with bash and ends with its exit code. A signal goes at once to every shell
# of the text and to every program that a shell started; the end of all of them is awaited.
exec {both}<> <(:)
exec {held}>"/dev/fd/$both" {freed}<"/dev/fd/$both" {both}>&-
exec {errors}>&2 2>/dev/null
nobody=$! several=
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
shell() { [[ /proc/$1/exe -ef $BASH || /proc/$1/exe -ef /bin/sh ]]; }
tell() {
  local process children=() name=
  told[$2]=program
  if shell "$2"; then
    told[$2]=shell
    for process in "${!parent[@]}"; do [[ ${parent[$process]} == "$2" ]] && children+=("$process"); done
  fi
  read -r name <"/proc/$2/comm"
  [[ -p /proc/$2/fd/0 && $name =~ ^(tee|cat|grep|sed|[gm]?awk|ts|tr|cut|sort|head|tail|gzip)$ ]] || kill -s "$1" "$2"
  for process in "${children[@]}"; do tell "$1" "$process"; done
}
forward() {
  local process again
  main=$!
  [[ $main != "$nobody" ]] || exit "$2"
  told=()
  # Looks again twice: a shell may be starting a program right now, which then misses the signal.
  for again in 0 0.1 1; do
    if [[ $again != 0 ]]; then
      read -r -t "$again" -u "$freed"
      (($? > 128)) || break
    fi
    look
    for process in "${!group[@]}"; do
      if [[ ${told[$process]-} == shell ]]; then
        shell "$process" || tell "$1" "$process"
      elif [[ ! ${told[$process]-} && ${group[$process]} == "$main" && ${group[${parent[$process]}]-} != "$main" ]]; then
        tell "$1" "$process"
      fi
    done
    [[ ${told[$main]-} == program ]] && return
  done
  several=1
}
trap 'forward TERM 143' TERM
trap 'forward INT 130' INT
trap 'forward QUIT 131' QUIT
trap 'forward HUP 129' HUP
set -m
bash -c -- "$1" 2>&"$errors" {errors}>&- {freed}<&- &
main=$!
set +m
exec {held}>&- {errors}>&-
# A signal ends a wait with a code of its own, and one that comes between two waits may end the next.
while wait "$main"; kill -0 "$main"; do :; done
wait "$main"
wait "$main"
code=$?
[[ $several ]] && read -r -u "$freed"
exit "$code"
