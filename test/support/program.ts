import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The built program, run as users run it: a process of its own. */
const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const HERE = fileURLToPath(import.meta.url);

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Nothing here takes near as long, however busy the machine: what does, hangs. */
export const HANGS_MS = 300_000;

function start(file: string, argv: readonly string[], cwd?: string): Running {
  const child = spawn(file, argv, {
    cwd,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, NODE: process.execPath, PROGRAM: CLI },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: HANGS_MS,
    killSignal: "SIGKILL",
  });
  const texts = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout: texts[0]!(), stderr: texts[1]!() }));
  });
  return { process: child, ended };
}

export const startProgram = (argv: readonly string[], cwd?: string): Running =>
  start(process.execPath, [CLI, ...argv], cwd);

export const runProgram = (argv: readonly string[], cwd?: string): Promise<Ended> =>
  startProgram(argv, cwd).ended;

/** The program on a system that a script of this folder changes before it starts. */
export const runChanged = (script: string, argv: readonly string[]): Promise<Ended> =>
  start(process.execPath, ["--import", new URL(script, import.meta.url).href, CLI, ...argv]).ended;

/** A line for bash in which CLI stands for the program. */
export const shell = (line: string, cwd?: string): Promise<Ended> =>
  start("bash", ["-c", withProgram(line)], cwd).ended;

/**
 * Ways to a shell that may mount, those of root and of everyone. In a namespace of users root owns its own files only:
 * there it may not enter the folders of others, where this checkout may lie.
 */
const NAMESPACES = [["--mount"], ["--mount", "--map-root-user"]] as const;

/** Mounts somewhere, and reads a file of this checkout. */
const PROBE = `there=$(mktemp -d) && mount -t tmpfs none "$there" && umount "$there" && test -r "$1"
  ended=$?; rmdir "$there"; exit $ended`;

const namespace = NAMESPACES.find(
  (flags) => spawnSync("unshare", [...flags, "bash", "-c", PROBE, "-", HERE]).status === 0,
);

export const canMount = namespace !== undefined;

/** The same with mounts of its own, which go when it ends. */
export const shellWithMounts = (line: string, cwd?: string): Promise<Ended> =>
  start("unshare", [...namespace!, "bash", "-c", withProgram(line)], cwd).ended;

/** By way of the environment: a path may hold what a shell reads as something else. */
const withProgram = (line: string): string => line.replaceAll("CLI", '"$NODE" "$PROGRAM"');
