import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The built program, run as users run it: a process of its own. */
const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

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
const HANGS_MS = 50_000;

function start(file: string, argv: readonly string[], cwd?: string): Running {
  const child = spawn(file, argv, {
    cwd,
    env: { ...process.env, NO_COLOR: "1" },
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

/** A line for bash in which CLI stands for the program. */
export const shell = (line: string, cwd?: string): Promise<Ended> =>
  start("bash", ["-c", withProgram(line)], cwd).ended;

/** The same with mounts of its own, which go when it ends. */
export const shellWithMounts = (line: string, cwd?: string): Promise<Ended> =>
  start("unshare", ["--mount", "--map-root-user", "bash", "-c", withProgram(line)], cwd).ended;

const withProgram = (line: string): string => line.replaceAll("CLI", `"${process.execPath}" "${CLI}"`);
