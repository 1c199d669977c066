# simgatectl.bash - completion of simgatectl for bash. Commands, their words and their options are
# what `simgatectl --commands` prints; ports and banks are asked of the daemon.

# Prints the words of one kind in the daemon's list of ports: "port" or "bank".
_simgatectl_ports()
{
	timeout 2 "${_simgatectl_call[@]}" --json ports 2>/dev/null |
		grep -o '"port":"[^"]*"' | cut -d '"' -f 4 |
		if [[ $1 == bank ]]; then cut -d / -f 1 | sort -u; else cat; fi
}

# Completes what an argument is called in the help: alternatives, or a kind of name.
_simgatectl_value()
{
	case $1 in
	*BANK/SLOT* | P) compgen -W "$(_simgatectl_ports port)" -- "$cur" ;;
	*BANK*) compgen -W "$(_simgatectl_ports bank)" -- "$cur" ;;
	*FILE* | *SOCKET*) compgen -f -- "$cur" ;;
	*DIR*) compgen -d -- "$cur" ;;
	*[a-z]*) compgen -W "${1//|/ }" -- "$cur" ;;
	esac
}

_simgatectl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev= command= usage= value= common line word rest i
	local -a _simgatectl_call=("$1") words=() arguments=()

	# "--step=at" is three words to bash
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == = ]] || words+=("${COMP_WORDS[i]}")
	done
	[[ $cur == = ]] && cur=
	((${#words[@]})) && prev=${words[-1]}
	local table
	table=$("$1" --commands 2>/dev/null) || return
	common=${table%%$'\n'*}
	table=${table#*$'\n'}

	for ((i = 0; i < ${#words[@]}; i++)); do
		word=${words[i]}
		case $word in
		-s | -c | --socket | --config)
			_simgatectl_call+=("$word" "${words[i + 1]-}")
			((i++))
			;;
		-*)
			[[ $usage =~ $word\ [A-Za-z] ]] && ((i++))
			;;
		*)
			if [[ $command ]]; then
				arguments+=("$word")
				continue
			fi
			command=$word
			while read -r line; do
				[[ ${line%% *} == "$word" ]] && usage=${line#"$word"}
			done <<<"$table"
			;;
		esac
	done

	COMPREPLY=()
	if [[ $prev == -s || $prev == -c ]] ||
		[[ $prev == --* && "$common $usage" =~ $prev\ ([A-Za-z][^]\ ]*) ]]; then
		value=${BASH_REMATCH[1]-FILE}
		mapfile -t COMPREPLY < <(_simgatectl_value "${value%%|--*}")
	elif [[ $cur == -* ]]; then
		[[ $command ]] && common=$(grep -o -e '--[a-z-]*' <<<"$common $usage")
		mapfile -t COMPREPLY < <(compgen -W "${common//FILE/}" -- "$cur")
	elif [[ ! $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(cut -d ' ' -f 1 <<<"$table")" -- "$cur")
	else
		# the words that are written as they are stand in the usage without options and their
		# values, in small letters
		rest=$(sed -E 's/--[a-z-]+( [^] ]+)?//g; s/[][|]/ /g' <<<"$usage")
		value=$(tr ' ' '\n' <<<"$rest" | grep -E '^[a-z]+$')
		if [[ $value && ${#arguments[@]} == 0 ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$value" -- "$cur")
		elif ((${#arguments[@]} <= 1)); then
			value=$(tr ' ' '\n' <<<"$rest" | grep -E '^(BANK(/SLOT)?|FILE)$' | head -n 1)
			[[ $value && ! (${#arguments[@]} == 1 && $rest =~ ^\ *BANK) ]] &&
				mapfile -t COMPREPLY < <(_simgatectl_value "$value")
		fi
	fi
	[[ $value == *@(FILE|SOCKET|DIR)* ]] && compopt -o filenames 2>/dev/null
	return 0
}

complete -F _simgatectl simgatectl
