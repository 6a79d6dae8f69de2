/** Known vulnerabilities of what is installed with the package. A registry that has no audit is not taken for one that found something. */
import { spawnSync } from "node:child_process";

const { status, stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], { encoding: "utf8" });
const report = stdout.trim() === "" ? {} : JSON.parse(stdout);
if (report.metadata === undefined) {
  console.log(`no audit: ${report.error?.summary || report.message || "the registry gave no answer"}`);
} else {
  const { total } = report.metadata.vulnerabilities;
  for (const [name, { severity }] of Object.entries(report.vulnerabilities))
    console.error(`${severity}: ${name}`);
  console.log(`${total} known vulnerabilities`);
  if (status !== 0) process.exitCode = 1;
}
