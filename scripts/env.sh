# Sourced by ./dev: reads a file of NAME=value lines.
# shellcheck shell=bash

# Exports what the file $1 sets. What the caller's environment sets already wins, and an empty value counts as unset.
# The file is read, not run: nothing in it is expanded.
load_env() {
    local line name value
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line%$'\r'}
        line=${line#"${line%%[![:space:]]*}"}
        case $line in
            '' | '#'*) continue ;;
            'export '*) line=${line#export } ;;
        esac
        name=${line%%=*}
        value=${line#*=}
        case $name in
            "$line" | '' | [0-9]* | *[!A-Za-z0-9_]*)
                echo "$1: not a NAME=value line: ${name%% *}" >&2
                return 1
                ;;
        esac
        value=${value%"${value##*[![:space:]]}"}
        case $value in
            \"*\") value=${value#\"} value=${value%\"} ;;
            \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        if [ -n "$value" ] && [ -z "${!name+set}" ]; then
            export "$name=$value"
        fi
    done <"$1"
}
