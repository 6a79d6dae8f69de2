/**
 * Gives a file one content after the other until it is killed: `node rewrite-forever.mjs how path content...`, where
 * each content is a file. `how` is rename, truncate, or remove (between one content and the next there is no file).
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

const [how, path, ...files] = process.argv.slice(2);
const contents = files.map((file) => readFileSync(file));
const pause = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

const REWRITE = {
  rename: (content) => {
    writeFileSync(`${path}.next`, content);
    renameSync(`${path}.next`, path);
  },
  truncate: (content) => writeFileSync(path, content),
  remove: (content) => {
    rmSync(path, { force: true });
    pause(3);
    REWRITE.rename(content);
  },
};

process.stdout.write("ready\n");
for (let turn = 0; ; turn++) {
  REWRITE[how](contents[turn % contents.length]);
  pause(turn % 7);
}
