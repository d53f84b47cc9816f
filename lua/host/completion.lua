-- SPDX-License-Identifier: Apache-2.0
-- Completion scripts by the name of the shell. They only carry words to and fro: what fits is asked
-- of the program itself, command/__complete.lua, the very one that is being typed.

local completion = {}

completion.bash = [==[
# bash completion of mlmanager; made by 'mlmanager completion bash'.
_mlmanager() {
	local i word joined=() rest=$COMP_LINE line files candidate
	# bash also parts words at = and :, the program does not.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i > 0)) && [[ $rest != [[:blank:]]* ]]; then
			joined[${#joined[@]} - 1]+=$word
		else
			rest=${rest#"${rest%%[![:blank:]]*}"}
			joined+=("$word")
		fi
		rest=${rest#"$word"}
	done
	local current=${joined[${#joined[@]} - 1]} quote= before
	# What bash itself takes for the word begins later than ours.
	before=${current%"${COMP_WORDS[COMP_CWORD]}"}
	[[ ${COMP_WORDS[COMP_CWORD]} == [:=] ]] && before=$current
	[[ $current == [\'\"]* ]] && quote=${current:0:1}
	for i in "${!joined[@]}"; do
		word=${joined[i]}
		case $word in
		\'*) word=${word#\'} word=${word%\'} ;;
		\"*) word=${word#\"} word=${word%\"} ;;
		*) word=${word//\\/} ;;
		esac
		joined[i]=$word
	done
	COMPREPLY=()
	{
		IFS= read -r files
		while IFS= read -r line; do
			candidate=${line%%$'\t'*}
			[[ $quote || $candidate != *[!A-Za-z0-9_.,:=/@+-]* ]] ||
				printf -v candidate %q "$candidate"
			COMPREPLY+=("${candidate#"$before"}")
		done
	} < <("${joined[0]/#\~/$HOME}" __complete "${joined[@]:1}" 2>/dev/null)
	if [[ $files == files ]]; then
		compopt -o filenames 2>/dev/null
		while IFS= read -r line; do
			COMPREPLY+=("$line")
		done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]#=}")
	elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
		compopt -o nospace 2>/dev/null
	fi
}
complete -F _mlmanager mlmanager
]==]

completion.zsh = [==[
#compdef mlmanager
# zsh completion of mlmanager; made by 'mlmanager completion zsh'. Put it as _mlmanager into a
# folder of $fpath, or source it after compinit.
_mlmanager() {
	local line files candidate text
	local -a answer candidates texts
	# PREFIX is the word up to the cursor without the quote that opens it.
	answer=("${(@f)$(${(Q)words[1]/#\~/$HOME} __complete "${(@Q)words[2,CURRENT-1]}" \
		"${(Q)IPREFIX}${(Q)PREFIX}" 2>/dev/null)}")
	files=$answer[1]
	for line in "${(@)answer[2,-1]}"; do
		[[ -n $line ]] || continue
		candidate=${line%%$'\t'*}
		text=${line#*$'\t'}
		candidates+=("$candidate")
		texts+=("$candidate${text:+  -- $text}")
	done
	local found=1
	(( $#candidates )) && compadd -l -d texts -a candidates && found=0
	[[ $files == files ]] && _files && found=0
	return found
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_mlmanager "$@"
else
	compdef _mlmanager mlmanager
fi
]==]

completion.fish = [==[
# fish completion of mlmanager; made by 'mlmanager completion fish'.
function __mlmanager_complete
	set -l words (commandline -opc) (commandline -ct | string unescape)
	set -l program (string replace -r '^~' $HOME -- $words[1])
	test (count $words) -gt 1; or set -a words ''
	set -l answer ($program __complete $words[2..-1] 2>/dev/null)
	printf '%s\n' $answer[2..-1]
	if test "$answer[1]" = files
		__fish_complete_path (commandline -ct)
	end
end
complete -c mlmanager -f -k -a '(__mlmanager_complete)'
]==]

return completion
