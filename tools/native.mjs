// Builds the native part where that is possible: `node tools/native.mjs [--if-changed] [--optional]`. One compiler call, no network. hangdog
// works without it, so a machine without a compiler or headers is no failure: one line says what is missing, and the exit code is 0. Only a
// compiler that refuses our sources is one (exit 1); not with --optional, which is for an install script, as that must never fail an install.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const addon = join(root, 'native', 'addon')
const guard = join(root, 'native', 'guard')
const guardProcess = join(root, 'native', 'guard-process')
const core = join(root, 'native', 'core')
const include = join(root, 'native', 'include')
const target = join(addon, 'build', 'Release', 'hangdog.node')
const program = join(addon, 'build', 'Release', 'hangdog-guard')
const coreProgram = join(addon, 'build', 'Release', 'hangdog-core')

function skip(why) {
  process.stdout.write(`native: skipped: ${why}; hangdog works without the native part\n`)
  process.exit(0)
}

/** Those of the running Node first. Both files are needed: the guard wakes JavaScript through libuv. */
function findHeaders() {
  const candidates = [
    process.env.npm_config_nodedir === undefined ? undefined : join(process.env.npm_config_nodedir, 'include', 'node'),
    join(dirname(dirname(process.execPath)), 'include', 'node'),
    '/usr/local/include/node',
    '/usr/include/node',
    headersPackage(),
  ]
  return candidates.find(
    (folder) => folder !== undefined && ['node_api.h', 'uv.h'].every((file) => existsSync(join(folder, file))),
  )
}

function headersPackage() {
  try {
    return createRequire(import.meta.url)('node-api-headers').include_dir
  } catch {
    return undefined
  }
}

function findCompiler() {
  const candidates = [process.env.CC, 'cc', 'gcc', 'clang'].filter((name) => name)
  return candidates.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
}

function sources(extension, ...folders) {
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith(extension))
      .map((file) => join(folder, file)),
  )
}

function isCurrent() {
  const all = ['.c', '.h'].flatMap((extension) => sources(extension, addon, guard, guardProcess, core, include))
  return [target, program, coreProgram].every(
    (built) => existsSync(built) && all.every((file) => statSync(file).mtimeMs <= statSync(built).mtimeMs),
  )
}

/** Built beside its place and moved there: a running hangdog keeps the file that it has open. @returns whether it is there */
function build(place, attempts) {
  const made = `${place}.${process.pid}`
  let done
  for (const [index, args] of attempts.entries()) {
    const last = index === attempts.length - 1
    done = spawnSync(compiler, [...common, '-o', made, ...args], {
      stdio: ['ignore', 'inherit', last ? 'inherit' : 'ignore'],
    })
    if (done.status === 0) {
      renameSync(made, place)
      process.stdout.write(`native: built ${place}\n`)
      return true
    }
  }
  process.stderr.write(
    `native: "${compiler}" failed (exit ${done.status ?? done.signal}); hangdog works without the native part\n`,
  )
  rmSync(made, { force: true })
  return false
}

if (process.platform !== 'linux') skip(`it is for Linux, and this is ${process.platform}`)
if (process.argv.includes('--if-changed') && isCurrent()) process.exit(0)
const compiler = findCompiler()
if (compiler === undefined) skip('no C compiler was found (cc, gcc or clang)')
const headers = findHeaders()
if (headers === undefined) skip('the headers of Node (node_api.h and uv.h) were not found')

mkdirSync(dirname(target), { recursive: true })
const common = ['-std=c11', '-O2', '-Wall', '-Wextra', '-pthread', '-D_GNU_SOURCE']
const shared = ['-shared', '-fPIC', '-fvisibility=hidden', '-DNAPI_VERSION=8', `-I${headers}`]
const parts = sources('.c', guardProcess, guard)
const coreParts = sources('.c', core)
const built =
  build(target, [[...shared, ...sources('.c', addon, guard), '-lm']]) &&
  // Static, so that it needs nothing while libraries are replaced; where there is no static libc, as any other program.
  build(program, [['-static', ...parts], parts]) &&
  build(coreProgram, [['-static', ...coreParts], coreParts])
if (!built) process.exit(process.argv.includes('--optional') ? 0 : 1)
