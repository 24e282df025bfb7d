// Builds the native part where that is possible: `node tools/native.mjs [--if-changed] [--optional]`. One compiler call, no network. hangdog
// works without it, so a machine without a compiler or headers is no failure: one line says what is missing, and the exit code is 0. Only a
// compiler that refuses our sources is one (exit 1); not with --optional, which is for an install script, as that must never fail an install.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folders = ['addon', 'guard', 'include'].map((folder) => join(root, 'native', folder))
const target = join(root, 'native', 'addon', 'build', 'Release', 'hangdog.node')

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

function sources(extension) {
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith(extension))
      .map((file) => join(folder, file)),
  )
}

function isCurrent() {
  if (!existsSync(target)) return false
  const built = statSync(target).mtimeMs
  return [...sources('.c'), ...sources('.h')].every((file) => statSync(file).mtimeMs <= built)
}

if (process.platform !== 'linux') skip(`it is for Linux, and this is ${process.platform}`)
if (process.argv.includes('--if-changed') && isCurrent()) process.exit(0)
const compiler = findCompiler()
if (compiler === undefined) skip('no C compiler was found (cc, gcc or clang)')
const headers = findHeaders()
if (headers === undefined) skip('the headers of Node (node_api.h and uv.h) were not found')

// Built beside its place and moved there: a running hangdog keeps the file that it has open.
mkdirSync(dirname(target), { recursive: true })
const made = `${target}.${process.pid}`
const flags = ['-shared', '-fPIC', '-std=c11', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden', '-pthread']
const defines = ['-D_GNU_SOURCE', '-DNAPI_VERSION=8', `-I${headers}`]
const done = spawnSync(compiler, [...flags, ...defines, '-o', made, ...sources('.c'), '-lm'], { stdio: 'inherit' })
if (done.status !== 0) {
  process.stderr.write(
    `native: "${compiler}" failed (exit ${done.status ?? done.signal}); hangdog works without the native part\n`,
  )
  rmSync(made, { force: true })
  process.exit(process.argv.includes('--optional') ? 0 : 1)
}
renameSync(made, target)
process.stdout.write(`native: built ${target}\n`)
