export const SHELLS = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof SHELLS)[number];

/** What may follow a command. */
export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly words: readonly string[];
  readonly flags: readonly {
    readonly name: string;
    readonly description: string;
    readonly values: readonly string[];
  }[];
}

const SCRIPTS: Record<Shell, (commands: readonly CommandWords[]) => string> = {
  bash: bashScript,
  // zsh runs bash completions as they are
  zsh: (commands) =>
    `#compdef norm-roofline\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`,
  fish: fishScript,
};

export const completionScript = (shell: Shell, commands: readonly CommandWords[]): string =>
  SCRIPTS[shell](commands.map(plainWords));

/** Words that a shell takes as they are, quoted or not: names come from files, and a completion runs in one's shell. */
const isPlain = (word: string): boolean => /^[\w][\w.:-]*$/.test(word);

const plainWords = (command: CommandWords): CommandWords => ({
  ...command,
  words: command.words.filter(isPlain),
  flags: command.flags.map((flag) => ({ ...flag, values: flag.values.filter(isPlain) })),
});

function bashScript(commands: readonly CommandWords[]): string {
  return `# norm-roofline completion
_norm_roofline() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local words="${commands.map(({ name }) => name).join(" ")} --help --version"
  if [ "$COMP_CWORD" -gt 1 ]; then
    case "\${COMP_WORDS[1]} $before" in
${commands.flatMap(bashValues).join("\n")}
      *) case "\${COMP_WORDS[1]}" in
${commands.map(bashWords).join("\n")}
        *) words="" ;;
      esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _norm_roofline norm-roofline
`;
}

const bashValues = ({ name, flags }: CommandWords): string[] =>
  flags
    .filter(({ values }) => values.length > 0)
    .map((flag) => `      "${name} ${flag.name}") words="${flag.values.join(" ")}" ;;`);

const bashWords = ({ name, words, flags }: CommandWords): string =>
  `        ${name}) words="${[...words, ...flags.map((flag) => flag.name), "--help"].join(" ")}" ;;`;

function fishScript(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ name, description, words, flags }) => [
    `complete -c norm-roofline -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...(words.length > 0 ? [`${after(name)} -a ${quoted(words.join(" "))}`] : []),
    ...flags.map(
      (flag) =>
        `${after(name)} -l ${flag.name.slice(2)} -d ${quoted(flag.description)}${flag.values.length > 0 ? ` -x -a ${quoted(flag.values.join(" "))}` : ""}`,
    ),
  ]);
  return `# norm-roofline completion\n${lines.join("\n")}\n`;
}

const after = (command: string): string =>
  `complete -c norm-roofline -n "__fish_seen_subcommand_from ${command}"`;

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
