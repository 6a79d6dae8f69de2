/**
 * Writes src/explain/formulas.ts: the timing laws of src/roofline with a note of every number they compute.
 *
 *     npm run formulas
 *
 * The laws are read as source and written out again, statement by statement, with the expression, the operands and the
 * value of each constant beside it. So what `explain` prints is what the engine computes, and CI finds a copy that is
 * not up to date. Functions with loops or switches are called as they are.
 */
import { readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const FILES = [
  "pointwise-time",
  "row-time",
  "matmul-time",
  "attention-time",
  "collective-time",
  "ideal",
] as const;

/** Functions of numbers alone, which a reader of the expression can compute. */
const PLAIN_CALLS = new Set(["softMaximum", "softMaximum4", "power"]);

const printer = ts.createPrinter({ removeComments: true });

interface Law {
  readonly name: string;
  readonly file: string;
  readonly parameters: readonly string[];
  readonly body: ts.Block;
  readonly source: ts.SourceFile;
}

function lawsOf(file: string): Law[] {
  const path = `src/roofline/${file}.ts`;
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022, true);
  return source.statements.flatMap((statement) => {
    if (!ts.isFunctionDeclaration(statement) || statement.body === undefined || statement.name === undefined)
      return [];
    if (!isExported(statement) || !statement.body.statements.every(isStraight)) return [];
    const parameters = statement.parameters.map(({ name }) => name.getText(source));
    return [{ name: statement.name.text, file, parameters, body: statement.body, source }];
  });
}

const isExported = (node: ts.FunctionDeclaration): boolean =>
  node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;

/** Constants, early returns and a return: no loop, no assignment. */
const isStraight = (statement: ts.Statement): boolean =>
  ts.isVariableStatement(statement) ||
  ts.isReturnStatement(statement) ||
  (ts.isIfStatement(statement) && ts.isReturnStatement(statement.thenStatement) && !statement.elseStatement);

const LAWS = FILES.flatMap(lawsOf);
const byName = new Map(LAWS.map((law) => [law.name, law]));
/** functions and constants of the source files that the copies use */
const imported = new Map<string, Set<string>>();

function use(file: string, name: string): void {
  imported.set(file, (imported.get(file) ?? new Set()).add(name));
}

const text = (node: ts.Node, source: ts.SourceFile): string =>
  printer.printNode(ts.EmitHint.Unspecified, node, source);

/** `$0 * $1` and its operands, for an expression. */
function templateOf(
  expression: ts.Expression,
  source: ts.SourceFile,
): { template: string; operands: string[] } {
  const operands: string[] = [];
  const operand = (node: ts.Expression): ts.Expression => {
    const name = text(withoutBang(node), source).replace(/\s+/g, " ");
    const code = ts.isPropertyAccessExpression(node)
      ? `[${JSON.stringify(name)}, ${text(node, source)}, ${text(node.expression, source)}, ${JSON.stringify(node.name.text)}]`
      : `[${JSON.stringify(name)}, ${text(node, source)}]`;
    const known = operands.indexOf(code);
    if (known < 0) operands.push(code);
    return ts.factory.createIdentifier(`$${known < 0 ? operands.length - 1 : known}`);
  };
  const visit = (node: ts.Node): ts.Node => {
    if (ts.isNumericLiteral(node) || ts.isStringLiteral(node)) return node;
    if (ts.isCallExpression(node)) {
      const callee = text(node.expression, source);
      if (!callee.startsWith("Math.") && !PLAIN_CALLS.has(callee)) return operand(node);
      return ts.factory.createCallExpression(
        node.expression,
        undefined,
        node.arguments.map((argument) => visit(argument) as ts.Expression),
      );
    }
    if (ts.isNonNullExpression(node)) return visit(node.expression);
    if (ts.isIdentifier(node) || ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node))
      return operand(node);
    return ts.visitEachChild(node, visit, undefined);
  };
  const replaced = visit(expression) as ts.Expression;
  return { template: text(replaced, source).replace(/\s+/g, " "), operands };
}

const withoutBang = (node: ts.Expression): ts.Expression =>
  ts.visitEachChild(
    ts.isNonNullExpression(node) ? node.expression : node,
    function visit(child): ts.Node {
      return ts.isNonNullExpression(child)
        ? ts.visitEachChild(child.expression, visit, undefined)
        : ts.visitEachChild(child, visit, undefined);
    },
    undefined,
  );

function noteLine(name: string, expression: ts.Expression, value: string, source: ts.SourceFile): string {
  const { template, operands } = templateOf(expression, source);
  return `  note(steps, ${JSON.stringify(name)}, ${JSON.stringify(template)}, ${value}, [${operands.join(", ")}]);`;
}

/** A call of another law is traced too, after what it is passed under another name; everything else stays as it is. */
function traced(expression: ts.Expression, law: Law): { before: string[]; value: string; isLaw: boolean } {
  const plain = text(expression, law.source);
  const called =
    ts.isCallExpression(expression) && ts.isIdentifier(expression.expression)
      ? byName.get(expression.expression.text)
      : undefined;
  if (called === undefined || !ts.isCallExpression(expression))
    return { before: [], value: plain, isLaw: false };
  const before = expression.arguments.flatMap((argument, index) =>
    passed(argument, called.parameters[index]!, law),
  );
  const parts = expression.arguments.map((argument) => text(argument, law.source));
  return { before, value: `inside(steps, ${called.name}Steps(${parts.join(", ")}))`, isLaw: true };
}

function passed(argument: ts.Expression, name: string, { source }: Law): string[] {
  if (ts.isObjectLiteralExpression(argument))
    return argument.properties
      .filter(ts.isPropertyAssignment)
      .map(({ name: field, initializer }) =>
        noteLine(`${name}.${field.getText(source)}`, initializer, text(initializer, source), source),
      );
  const value = text(argument, source);
  return value === name || name.startsWith("{") ? [] : [noteLine(name, argument, value, source)];
}

function statementLines(statement: ts.Statement, law: Law): string[] {
  const { source } = law;
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap((declaration) => {
      const { before, value, isLaw } = traced(declaration.initializer!, law);
      const lines = [...before, `  const ${declaration.name.getText(source)} = ${value};`];
      if (!ts.isIdentifier(declaration.name)) return lines;
      const { text: name } = declaration.name;
      const noted = isLaw
        ? renamed(name, declaration.initializer!, source)
        : noteLine(name, declaration.initializer!, name, source);
      return [...lines, noted];
    });
  if (ts.isIfStatement(statement))
    return [
      `  if (${text(statement.expression, source)}) {`,
      ...statementLines(statement.thenStatement, law).map((line) => `  ${line}`),
      "  }",
    ];
  return returnLines((statement as ts.ReturnStatement).expression!, law);
}

/** The value of a traced call under the caller's name. */
const renamed = (name: string, call: ts.Expression, source: ts.SourceFile): string =>
  `  note(steps, ${JSON.stringify(name)}, "$0", ${name}, [[${JSON.stringify(text(call, source).replace(/\s+/g, " "))}, ${name}]]);`;

function returnLines(expression: ts.Expression, law: Law): string[] {
  const { source } = law;
  const lines: string[] = [];
  const fields = (object: ts.ObjectLiteralExpression): void => {
    for (const property of object.properties)
      if (ts.isPropertyAssignment(property))
        lines.push(
          noteLine(
            property.name.getText(source),
            property.initializer,
            text(property.initializer, source),
            source,
          ),
        );
  };
  if (ts.isObjectLiteralExpression(expression)) fields(expression);
  else if (ts.isCallExpression(expression) && text(expression.expression, source) === "timing") {
    const [seconds, terms] = expression.arguments;
    if (ts.isObjectLiteralExpression(terms!)) fields(terms);
    lines.push(noteLine("seconds", seconds!, text(seconds!, source), source));
  } else lines.push(noteLine(law.name, expression, text(expression, source), source));
  return [...lines, `  return { steps, result: ${text(expression, source)} };`];
}

function functionText(law: Law): string {
  const names = law.source.statements.flatMap(declared);
  const bodyText = text(law.body, law.source);
  for (const name of names) if (new RegExp(`\\b${name}\\b`).test(bodyText)) use(law.file, name);
  use(law.file, law.name);
  const statements = law.body.statements.flatMap((statement) => statementLines(statement, law));
  return [
    `${isAsked(law) ? "export " : ""}function ${law.name}Steps(`,
    `  ...[${law.parameters.join(", ")}]: Parameters<typeof ${law.name}>`,
    `): Traced<ReturnType<typeof ${law.name}>> {`,
    "  const steps: Step[] = [];",
    ...statements,
    "}",
  ].join("\n");
}

/** Laws of whole kernels are what `explain` asks for; the others are called by them. */
const isAsked = ({ name }: Law): boolean => name.endsWith("Time") || name === "idealTiming";

/** Names that a file exports, functions and constants. */
function declared(statement: ts.Statement): string[] {
  if (ts.isFunctionDeclaration(statement)) return isExported(statement) ? [statement.name!.text] : [];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map((declaration) => declaration.name.getText());
  return [];
}

/** The laws that are asked for, and those that they call. */
const functions: string[] = [];
const wanted = LAWS.filter(isAsked).map(({ name }) => name);
for (const name of wanted) {
  const written = functionText(byName.get(name)!);
  functions.push(written);
  for (const [, called] of written.matchAll(/inside\(steps, (\w+)Steps\(/g))
    if (!wanted.includes(called!)) wanted.push(called!);
}
const plainCalls = [...PLAIN_CALLS].filter((name) =>
  functions.some((one) => new RegExp(`\\b${name}\\(`).test(one)),
);
const lines = [
  "// Written by `npm run formulas` from src/roofline; do not edit.",
  ...[...imported].map(
    ([file, names]) => `import { ${[...names].sort().join(", ")} } from "../roofline/${file}.ts";`,
  ),
  'import { readBytes, writeBytes } from "../layer/kernel.ts";',
  'import { wireBytes } from "../layer/collective.ts";',
  'import { matmulPeak } from "../schema/peaks.ts";',
  `import { ${plainCalls.join(", ")} } from "../roofline/soft-maximum.ts";`,
  'import { timing } from "../roofline/terms.ts";',
  'import { inside, note, type Step, type Traced } from "./step.ts";',
  "",
  functions.join("\n\n"),
  "",
];
writeFileSync("src/explain/formulas.ts", lines.join("\n"));
