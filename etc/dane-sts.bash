# bash completion for dane-sts(1).

_dane_sts()
{
	local current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' words='' own='' i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config) ((i++)) ;;
		-*) ;;
		*) command=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $command in
	'') words='check doctor explain lint publish parse replay tls status reload cache' ;;
	check) own='--deadline --file' ;;
	doctor) own='--nagios --postfix --sendmail-cf' ;;
	explain) own='--log' ;;
	lint) own='--host --txt --domain --smtp --nagios' ;;
	publish) own='--mode --dnssec --max-age --mx --cert --from-server --dir' ;;
	parse) own='' ;;
	replay) own='--hosts --tlsa --mx-patterns --on-discovery-failure --on-bogus-discovery --on-resolver-failure --action' ;;
	tls) own='--deadline --file --map' ;;
	status) own='' ;;
	reload) own='' ;;
	cache) own='--store'; words='list show export import purge warm' ;;
	esac
	COMPREPLY=()
	case $previous in
	-c | --config | -f | --file | --log | --cert | --dir | --postfix | --sendmail-cf)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return ;;
	esac
	[[ $current == -* ]] && words="--config --json --help --version $own"
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
} &&
	complete -o default -F _dane_sts dane-sts
