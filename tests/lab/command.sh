#!/bin/bash
# does: runs the command that is given, in the checkout
# timeout: 300
cd "$LEAT_SOURCE_DIR" || exit
(($#)) || { echo "lab: which command?" >&2; exit 2; }
exec "$@"
