/**
 * What shells run when Tab is pressed behind `moonbit-registry`: each asks `moonbit-registry complete -- WORDS…`, and takes what
 * that says as it is. Nothing that was typed, and no name from elsewhere, is evaluated. Sourced twice, it is as sourced once.
 */

/** For bash from 3.2 on; needs no other package. */
const bash = `# bash completion for moonbit-registry
_moonbit_registry() {
    # bash takes words apart at "=", ":" and "@": what no blank separates is put together again.
    local rest=\${COMP_LINE:0:COMP_POINT} text piece='' count=0 i
    local -a words
    for ((i = 0; i <= COMP_CWORD; i++)); do
        text=\${rest#"\${rest%%[![:blank:]]*}"}
        if [[ $i -eq 0 || $text != "$rest" ]]; then
            words[count++]=''
        fi
        piece=\${COMP_WORDS[i]:0:\${#text}}
        rest=\${text:\${#piece}}
        piece=\${piece//[\\"\\'\\\\]/}
        words[count - 1]+=$piece
    done
    [[ $piece == *[!=:@]* ]] || piece=''
    local known=\${words[count - 1]}
    known=\${known%"$piece"}

    local line directive=4
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :*) directive=\${line#:} ;;
            *) line=\${line%%$'\\t'*} COMPREPLY+=("\${line#"$known"}") ;;
        esac
    done < <(moonbit-registry complete -- "\${words[@]:1}" 2>/dev/null)
    ((directive & 2)) && compopt -o nospace 2>/dev/null
    ((directive & 4)) && return 0
    local paths=f
    ((directive & 16)) && paths=d
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(compgen -"$paths" -- "$piece")
    return 0
}
complete -F _moonbit_registry moonbit-registry
`;

/** To be sourced, or to be a file in `$fpath`. */
const zsh = `#compdef moonbit-registry
_moonbit-registry() {
    local -a lines items
    local line about directive=4 tab=$'\\t'
    lines=("\${(@f)$(moonbit-registry complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
    for line in "\${lines[@]}"; do
        case $line in
            '') ;;
            :*) directive=\${line#:} ;;
            *$tab*) about=\${line#*$tab} line=\${line%%$tab*} items+=("\${line//:/\\\\:}:$about") ;;
            *) items+=("\${line//:/\\\\:}") ;;
        esac
    done
    if ((directive & 4)); then
        local -a space
        ((directive & 2)) && space=(-S '')
        _describe -t words 'moonbit-registry' items $space
        return
    fi
    [[ $PREFIX == -*=* ]] && compset -P '*='
    if ((directive & 16)); then _files -/; else _files; fi
}
if [[ \${funcstack[1]} == _moonbit-registry ]]; then
    _moonbit-registry "$@"
else
    (($+functions[compdef])) || { autoload -Uz compinit && compinit; }
    compdef _moonbit-registry moonbit-registry
fi
`;

const fish = `# fish completion for moonbit-registry
function __moonbit_registry_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -e words[1]
    set -l lines (moonbit-registry complete -- $words "$current" 2>/dev/null)
    set -l directive (string sub --start 2 -- $lines[-1])
    set -e lines[-1]
    printf '%s\\n' $lines
    # 4: no paths; 16: folders alone.
    test (math "floor($directive / 4) % 2") -eq 1; and return
    set -l prefix (string match -r -- '^-[^=]*=' "$current")
    set -l path (string replace -r -- '^-[^=]*=' '' "$current")
    set -l paths (__fish_complete_path "$path")
    test (math "floor($directive / 16) % 2") -eq 1; and set paths (__fish_complete_directories "$path")
    for found in $paths
        printf '%s%s\\n' "$prefix" $found
    end
end
complete -c moonbit-registry -e
complete -c moonbit-registry -f -a '(__moonbit_registry_complete)'
`;

export const completionScripts = { bash, zsh, fish };
