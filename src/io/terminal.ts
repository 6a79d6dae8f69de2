/** What a command may use of the world besides files: where its text goes and how wide that is. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** All of standard input, at most `limit` bytes and one more. */
  readonly stdin: (limit: number) => Promise<Uint8Array>;
  readonly columns: number;
  readonly color: boolean;
  readonly unicode: boolean;
}
