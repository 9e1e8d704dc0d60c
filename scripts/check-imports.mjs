import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/**
 * `node scripts/check-imports.mjs [lib]` checks which room of lib may see which.
 * Type imports count. Specs are free. A file directly in lib is a room of its own.
 */
const lib = resolve(process.argv[2] ?? 'lib');
const forbidden = {
  relay: ['hub', 'admin', 'storage'],
  hub: ['relay', 'admin'],
  gateway: ['relay', 'admin'],
  admin: ['hub', 'gateway', 'shutdown', 'storage'],
};
const onlyPackages = {
  protocol: ['@msgpack/msgpack', 'node:buffer'],
  storage: ['node:buffer', 'node:crypto'],
};
const onlyOwnFiles = ['protocol', 'storage'];
const optionalPeers = {
  '@nestjs/config': 'migration.config.ts',
  '@nestjs/swagger': 'admin/open-api.ts',
};
const ownName = 'nestjs-ws-migration';

const patterns = [
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
];

function specifiers(source) {
  return patterns.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1]));
}

function sources(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return name.endsWith('.ts') && !name.endsWith('.spec.ts') ? [path] : [];
  });
}

const nameOf = (path) => relative(lib, path).split(sep).join('/');
const roomOf = (path) => nameOf(path).split('/')[0];

function checkPackage(file, specifier) {
  const room = roomOf(file);
  if (specifier === ownName || specifier.startsWith(`${ownName}/`)) {
    return 'imports the package by its own name';
  }
  const allowed = onlyPackages[room];
  if (allowed && !allowed.includes(specifier)) {
    return `${room}/ may import only ${allowed.join(', ')}, not ${specifier}`;
  }
  const home = optionalPeers[specifier];
  if (home && nameOf(file) !== home) return `only ${home} may import ${specifier}`;
  return undefined;
}

function checkFile(file, target) {
  const [from, to] = [roomOf(file), roomOf(target)];
  if (to === '..') return `imports ${nameOf(target)}, which is outside of lib`;
  if (from === to) return undefined;
  if (to === 'index.ts') return 'imports index.ts, which is for applications';
  if (onlyOwnFiles.includes(from) || forbidden[from]?.includes(to)) {
    return `${from} must not import ${to}`;
  }
  return undefined;
}

/** One cycle between rooms, as the list of its rooms, or undefined. */
function findCycle(edges) {
  const done = new Set();
  const visit = (room, path) => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room];
    if (done.has(room)) return undefined;
    for (const next of edges.get(room)?.keys() ?? []) {
      const cycle = visit(next, [...path, room]);
      if (cycle) return cycle;
    }
    done.add(room);
    return undefined;
  };
  for (const room of edges.keys()) {
    const cycle = visit(room, []);
    if (cycle) return cycle;
  }
  return undefined;
}

function check() {
  const problems = [];
  const edges = new Map();
  const files = sources(lib);
  for (const file of files) {
    for (const specifier of specifiers(readFileSync(file, 'utf8'))) {
      const isFile = specifier.startsWith('.');
      const target = isFile && join(dirname(file), specifier.replace(/\.js$/, '.ts'));
      const problem = isFile ? checkFile(file, target) : checkPackage(file, specifier);
      if (problem) problems.push(`${nameOf(file)}: ${problem}`);
      if (!isFile || roomOf(file) === roomOf(target)) continue;
      const room = edges.get(roomOf(file)) ?? new Map();
      edges.set(roomOf(file), room.set(roomOf(target), nameOf(file)));
    }
  }
  const cycle = findCycle(edges);
  if (cycle) {
    const where = cycle.slice(1).map((room, at) => edges.get(cycle[at]).get(room));
    problems.push(`cycle between rooms: ${cycle.join(' -> ')} (see ${where.join(', ')})`);
  }
  return { problems, files: files.length };
}

if (!existsSync(lib)) {
  console.error(`error: there is no folder ${lib}`);
  process.exit(1);
}
const { problems, files } = check();
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`imports: ${files} files, no violation`);
