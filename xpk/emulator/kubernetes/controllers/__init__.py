"""The controllers of one cluster: each looks after one kind of object, by changes and by time."""
