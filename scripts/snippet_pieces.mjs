// What esbuild makes of the snippet, on stdin, made shorter once more, and taken apart at each name of a variable: its pieces
// as JSON on stdout, for scripts/arrange_snippet.py, which chooses the names and the order of functions.
import { readFileSync } from "node:fs";
import { parse } from "acorn";
import { minify } from "terser";

const COMPRESS = {
  ecma: 2019,
  passes: 5,
  unsafe: true,
  unsafe_arrows: true,
  unsafe_comps: true,
  unsafe_math: true,
  unsafe_methods: true,
  booleans_as_integers: true,
  pure_getters: true,
  keep_fargs: false,
};

/** Shorter, and alike wherever it can be: repeated text is what packs well. @param {string} code */
async function shorten(code) {
  const alike = code.replace(/\bconst /g, "let ");
  const made = await minify(alike, {
    ecma: 2019,
    module: true,
    toplevel: true,
    compress: COMPRESS,
    mangle: { toplevel: true },
    format: { ecma: 2019, semicolons: true },
  });
  return made.code.replace(/\bconst /g, "let ");
}

/** Every variable with its scope, and every place of its name. @param {string} code */
function variables(code) {
  const all = [];
  const uses = [];
  const program = parse(code, { ecmaVersion: 2020 });
  const scopeIn = (parent) => ({ parent, own: new Map() });
  const declare = (node, scope) => {
    if (!scope.own.has(node.name)) {
      const variable = { number: all.length, name: node.name, scope, within: new Set() };
      scope.own.set(node.name, variable);
      all.push(variable);
    }
    uses.push({ node, scope, key: "" });
  };
  const pattern = (node, scope) => {
    if (node.type === "Identifier") declare(node, scope);
    else if (node.type === "AssignmentPattern") {
      pattern(node.left, scope);
      visit(node.right, scope);
    } else if (node.type === "RestElement") pattern(node.argument, scope);
    else if (node.type === "ObjectPattern")
      for (const { value, shorthand } of node.properties) {
        pattern(value, scope);
        if (shorthand) uses[uses.length - 1].key = value.name;
      }
    else throw new Error(`The snippet has a pattern that nobody has thought of: ${node.type}`);
  };
  const children = (node, scope) => {
    for (const [name, child] of Object.entries(node)) if (name !== "type") visit(child, scope);
  };
  const visit = (node, scope) => {
    if (Array.isArray(node)) for (const each of node) visit(each, scope);
    if (!node?.type) return;
    switch (node.type) {
      case "Identifier":
        uses.push({ node, scope, key: "" });
        break;
      case "MemberExpression":
        visit(node.object, scope);
        if (node.computed) visit(node.property, scope);
        break;
      case "Property":
        if (node.computed) visit(node.key, scope);
        if (node.shorthand) uses.push({ node: node.value, scope, key: node.value.name });
        else visit(node.value, scope);
        break;
      case "ArrowFunctionExpression":
      case "FunctionExpression": {
        const inner = scopeIn(scope);
        for (const each of node.params) pattern(each, inner);
        visit(node.body.type === "BlockStatement" ? node.body.body : node.body, inner);
        break;
      }
      case "CatchClause": {
        const inner = scopeIn(scope);
        if (node.param) pattern(node.param, inner);
        visit(node.body.body, inner);
        break;
      }
      case "VariableDeclaration":
        if (node.kind !== "let") throw new Error(`The snippet has a ${node.kind}.`);
        for (const { id, init } of node.declarations) {
          pattern(id, scope);
          visit(init, scope);
        }
        break;
      case "FunctionDeclaration":
      case "ClassDeclaration":
        throw new Error(`The snippet has a ${node.type}.`);
      case "BlockStatement":
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
        children(node, scopeIn(scope));
        break;
      default:
        children(node, scope);
    }
  };
  visit(program.body, scopeIn(null));
  const places = new Map();
  const foreign = new Set();
  for (const { node, scope, key } of uses) {
    let found = scope;
    while (found && !found.own.has(node.name)) found = found.parent;
    if (!found) {
      foreign.add(node.name);
      continue;
    }
    const variable = found.own.get(node.name);
    for (let each = scope; each !== found; each = each.parent) variable.within.add(each);
    places.set(node.start, { at: node.start, end: node.end, variable: variable.number, key });
  }
  return { program, all, foreign, places: [...places.values()].sort((one, other) => one.at - other.at) };
}

/** Runs of declarations that may stand in any order: of functions, and of plain values. @param {any} program */
function runs(program) {
  const found = [];
  const kinds = [(init) => init?.type === "ArrowFunctionExpression", (init) => !init || init.type === "Literal"];
  for (const statement of program.body[0].block.body) {
    if (statement.type !== "VariableDeclaration") continue;
    for (const fits of kinds) {
      let run = [];
      for (const { init, start, end } of [...statement.declarations, { init: { type: "the end" } }])
        if (fits(init)) run.push([start, end]);
        else {
          if (run.length > 1) found.push(run);
          run = [];
        }
    }
  }
  return found;
}

const code = await shorten(readFileSync(0, "utf8").trim());
const { program, all, foreign, places } = variables(code);
const piece = (start, end, run) => {
  const inside = places.filter(({ at }) => at >= start && at < end);
  const starts = [start, ...inside.map((place) => place.end)];
  const texts = starts.map((from, index) => code.slice(from, inside[index]?.at ?? end));
  return { run, texts, places: inside.map(({ variable, key }) => [variable, key]) };
};
const pieces = [];
let reached = 0;
for (const [start, end, run] of runs(program)
  .flatMap((each, run) => each.map(([start, end]) => [start, end, run]))
  .sort((one, other) => one[0] - other[0])) {
  pieces.push(piece(reached, start, -1), piece(start, end, run));
  reached = end;
}
pieces.push(piece(reached, code.length, -1));
const clashes = all.map(({ scope, within, number }) =>
  all.filter((other) => other.number !== number && (other.scope === scope || within.has(other.scope))).map((other) => other.number),
);
clashes.forEach((others, number) => others.forEach((other) => clashes[other].includes(number) || clashes[other].push(number)));
process.stdout.write(JSON.stringify({ pieces, names: all.map(({ name }) => name), clashes, foreign: [...foreign] }));
