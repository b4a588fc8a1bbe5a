"""The controllers of one cluster: each looks after one kind of object, reacting to changes and to the time."""
