// Builds the kernel module, and the programs that try it, for the kernel that the virtual machines boot: `node tools/vm-module.mjs` prints
// the folder that has them. Everything is in the cache of tools/vm-setup.mjs, under a name made from the sources: what is there is current.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const native = join(root, 'native')

/** The same rule as in test/vm/preparation.ts. */
export function cacheDirectory() {
  const cacheHome = process.env.XDG_CACHE_HOME ?? ''
  return (
    process.env.HANGDOG_VM_CACHE ??
    join(cacheHome.startsWith('/') ? cacheHome : join(homedir(), '.cache'), 'hangdog-vm')
  )
}

/**
 * Unpacks, and never installs, what a module for this kernel is built with. It has to be of the same version as the kernel, which the
 * archive keeps for some weeks only: so it is taken together with the kernel, and kept with it.
 * @returns the folder to build against
 */
export function provideHeaders(cache, release) {
  const place = join(cache, `headers-${release}`)
  const built = join(place, 'usr', 'src', `linux-headers-${release}`)
  if (existsSync(built)) return built
  mkdirSync(cache, { recursive: true })
  const scratch = mkdtempSync(join(cache, 'unpacking-'))
  // apt drops to a user of its own to download, and that one must be able to write here.
  chmodSync(scratch, 0o755)
  try {
    const first = `linux-headers-${release}`
    const names = [first, ...dependencies(first)]
    run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...names], scratch)
    for (const archive of readdirSync(scratch).filter((file) => file.endsWith('.deb'))) {
      run('dpkg-deb', ['-x', join(scratch, archive), join(scratch, 'tree')], scratch)
    }
    // The packages expect to be at /usr/src.
    const makefile = join(scratch, 'tree', 'usr', 'src', first, 'Makefile')
    const moved = readFileSync(makefile, 'utf8').replaceAll(' /usr/src/', ` ${join(place, 'usr', 'src')}/`)
    writeFileSync(makefile, moved)
    renameSync(join(scratch, 'tree'), place)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return built
}

function dependencies(name) {
  const found = spawnSync('apt-cache', ['depends', name], { encoding: 'utf8' })
  const names = [...(found.stdout ?? '').matchAll(/^\s*Depends: (linux-\S+)$/gm)].map(([, depends]) => depends)
  if (names.length === 0) {
    fail(
      `the archive has no "${name}" (any more); run apt-get update, or remove ${cacheDirectory()} to get a newer kernel with its headers`,
    )
  }
  return names
}

/** @returns the folder with hangdog.ko and the programs of native/linux/test and native/linux/bench */
export function buildModule(cache, release) {
  const headers = provideHeaders(cache, release)
  const sources = ['linux', 'include'].flatMap((folder) => files(join(native, folder)))
  const digest = createHash('sha256').update(release)
  for (const file of sources) digest.update(`\0${file.slice(native.length)}\0`).update(readFileSync(file))
  const place = join(cache, `module-${digest.digest('hex').slice(0, 16)}`)
  if (existsSync(place)) return place
  const scratch = mkdtempSync(join(cache, 'building-'))
  try {
    for (const file of sources) cpSync(file, join(scratch, file.slice(native.length)))
    run('make', ['-C', join(scratch, 'linux'), `KDIR=${headers}`, 'modules'], scratch)
    mkdirSync(join(scratch, 'made'))
    cpSync(join(scratch, 'linux', 'hangdog.ko'), join(scratch, 'made', 'hangdog.ko'))
    for (const file of files(join(scratch, 'linux')).filter((path) => /\/(test|bench)\/[^/]+\.c$/.test(path))) {
      const program = join(scratch, 'made', file.replace(/^.*\/|\.c$/g, ''))
      const flags = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', `-I${join(scratch, 'include')}`]
      run('gcc', [...flags, '-o', program, file, '-pthread'], scratch)
    }
    // Another may have been quicker.
    if (!existsSync(place)) renameSync(join(scratch, 'made'), place)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return place
}

function files(folder) {
  return (
    readdirSync(folder, { recursive: true, withFileTypes: true })
      // Whoever has built it in its own folder has left other files there.
      .filter(
        (entry) => entry.isFile() && /(\.[ch]|^Kbuild|^Makefile)$/.test(entry.name) && !/\.mod\.c$/.test(entry.name),
      )
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
  )
}

function run(command, args, cwd) {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (done.status === 0) return
  fail(`"${command} ${args.join(' ')}" failed (exit ${done.status ?? done.signal}): ${done.stdout}${done.stderr}`)
}

function fail(reason) {
  throw new Error(`cannot build the module: ${reason}`)
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const cache = cacheDirectory()
  const { release } = JSON.parse(readFileSync(join(cache, 'prepared.json'), 'utf8'))
  process.stdout.write(`${buildModule(cache, release)}\n`)
}
