import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { main, root } from './set-up.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const allowed =
  /^(dist\/.+\.(js|js\.map|d\.ts)|docs\/[^/]+\.md|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/;
const unwanted = /\.spec\.|(^|\/)(test|tests|__tests__|fixtures)\//;
const entryWithOptionalPeers = './config';

function packedFiles() {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const report = JSON.parse(stdout);
  const [tarball] = Array.isArray(report) ? report : Object.values(report);
  return tarball.files.map(({ path }) => path);
}

function checkContents(files) {
  const needed = ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE'];
  return [
    ...files.filter((path) => !allowed.test(path)).map((path) => `${path} must not be packed`),
    ...files.filter((path) => unwanted.test(path)).map((path) => `${path} is a test`),
    ...needed.filter((path) => !files.includes(path)).map((path) => `${path} is not packed`),
  ];
}

function exportTargets() {
  const targetsOf = (value) =>
    typeof value === 'string' ? [value] : Object.values(value).flatMap(targetsOf);
  return Object.entries(manifest.exports).map(([entry, value]) => ({
    entry,
    targets: [...new Set(targetsOf(value))],
  }));
}

function specifiers(source) {
  const pattern =
    /(?:(?<!['"])\bfrom\s*|^\s*import\s*|\bimport\(\s*|\bmodule\s+)['"]([^'"]+)['"]/gm;
  const code = source.replace(/^\s*(\/\*\*|\*).*$/gm, '');
  return [...code.matchAll(pattern)].map((match) => match[1]);
}

/** Packages that a file needs, through all files that it imports: [package, importing file]. */
function packagesNeeded(target, seen = new Set()) {
  if (seen.has(target) || !existsSync(join(root, target))) return [];
  seen.add(target);
  return specifiers(readFileSync(join(root, target), 'utf8')).flatMap((specifier) => {
    if (specifier.startsWith('.')) {
      const path = posix.join(posix.dirname(target), specifier);
      return packagesNeeded(target.endsWith('.d.ts') ? path.replace(/\.js$/, '.d.ts') : path, seen);
    }
    if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return [];
    return [[specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'), target]];
  });
}

function checkDeclared(name, file, entry) {
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  if (peerDependenciesMeta[name]?.optional && entry !== entryWithOptionalPeers) {
    return `${file} needs the optional peer ${name}, but is reached from "${entry}"`;
  }
  if (!(name in dependencies) && !(name in peerDependencies)) {
    return `${file} needs ${name}, which is neither a dependency nor a peer`;
  }
  const types = `@types/${name.replace('@', '').replace('/', '__')}`;
  const hasTypesPackage = types in (manifest.devDependencies ?? {});
  if (file.endsWith('.d.ts') && hasTypesPackage && !(types in dependencies)) {
    return `${file} needs the types of ${name}: ${types} must be a dependency`;
  }
  return undefined;
}

function checkExports(files) {
  return exportTargets().flatMap(({ entry, targets }) =>
    targets.flatMap((target) => {
      const path = posix.normalize(target);
      if (!files.includes(path)) return [`"${entry}" points to ${path}, which is not packed`];
      return packagesNeeded(path).map(([name, file]) => checkDeclared(name, file, entry));
    }),
  );
}

await main(() => {
  const files = packedFiles();
  const problems = new Set([...checkContents(files), ...checkExports(files)].filter(Boolean));
  for (const problem of problems) console.error(problem);
  if (problems.size > 0) throw new Error('the package is not fit to publish');
  console.log(`package: ${files.length} files, ${exportTargets().length} entries, fit to publish`);
});
