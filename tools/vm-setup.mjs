// Brings a machine to the state in which `test/vm` works: packages from the distribution, a Debian kernel unpacked (never
// installed) in a cache outside the repository, and the first-stage file system that the virtual machine boots from.
// It looks before it does, so that a second run costs a moment.
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
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheDirectory, provideHeaders } from './vm-module.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const firstStage = join(root, 'test', 'vm', 'guest', 'init')

const cache = cacheDirectory()

/** A program of each package that is needed. */
const packages = {
  'qemu-system-x86': 'qemu-system-x86_64',
  'busybox-static': 'busybox',
  cpio: 'cpio',
  'kexec-tools': 'kexec',
  makedumpfile: 'makedumpfile',
  kmod: 'depmod',
  e2fsprogs: 'mkfs.ext4',
  'util-linux': 'unshare',
  gcc: 'gcc',
  make: 'make',
}

/** Loaded by the first stage, in this order; it has no modprobe. */
const modules = [
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'netfs',
  'fscache',
  '9pnet',
  '9pnet_virtio',
  '9p',
  'overlay',
]

const sbin = ['/usr/local/sbin', '/usr/sbin', '/sbin']
process.env.PATH = [...new Set([...(process.env.PATH ?? '').split(':'), ...sbin])].join(':')

installPackages()
const kernel = provideKernel()
offerHeaders(kernel.release)
const initramfs = provideFirstStage(kernel)
writeAtomically(join(cache, 'prepared.json'), `${JSON.stringify({ ...kernel, initramfs }, undefined, 2)}\n`)
process.stdout.write(`vm-setup: kernel ${kernel.release} in ${cache}\n`)

function installPackages() {
  const missing = Object.keys(packages).filter((name) => !isProgram(packages[name]))
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !isProgram('apt-get')) {
    fail(`expected the packages ${missing.join(', ')}, or to be root on Debian to install them`)
  }
  // Nothing that is installed here may start as a service of the machine.
  const policy = '/usr/sbin/policy-rc.d'
  const isOurs = !existsSync(policy)
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const wait = ['-o', 'DPkg::Lock::Timeout=300', '-qq']
    run('apt-get', [...wait, 'update'])
    run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', ...missing])
  } finally {
    if (isOurs) rmSync(policy, { force: true })
  }
}

/** What was unpacked once is used until somebody removes the cache: a test run should not change with the archive. */
function provideKernel() {
  mkdirSync(cache, { recursive: true })
  const kept = findKernel()
  if (kept !== undefined) return kept
  const scratch = mkdtempSync(join(cache, 'unpacking-'))
  // apt drops to a user of its own to download, and that one must be able to write here.
  chmodSync(scratch, 0o755)
  try {
    const name = output('apt-cache', ['depends', 'linux-image-amd64'])
      .split('\n')
      .map((line) => /^\s*Depends: (linux-image-\S+)$/.exec(line)?.[1])
      .find((found) => found !== undefined)
    if (name === undefined) fail('apt knows no kernel "linux-image-amd64"; run apt-get update')
    run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', name], scratch)
    const archive = readdirSync(scratch).find((file) => file.endsWith('.deb'))
    if (archive === undefined) fail(`apt downloaded nothing for "${name}"`)
    run('dpkg-deb', ['-x', join(scratch, archive), join(scratch, 'tree')])
    const [release] = readdirSync(join(scratch, 'tree', 'lib', 'modules'))
    run('depmod', ['-b', join(scratch, 'tree'), release])
    renameSync(join(scratch, 'tree'), join(cache, `kernel-${release}`))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return findKernel() ?? fail('the kernel package holds no kernel')
}

/** Only the tests of the kernel module need them. */
function offerHeaders(release) {
  try {
    provideHeaders(cache, release)
  } catch (error) {
    process.stderr.write(`vm-setup: the kernel module cannot be tried: ${error.message}\n`)
  }
}

function findKernel() {
  const directory = readdirSync(cache).find((name) => name.startsWith('kernel-'))
  if (directory === undefined) return undefined
  const release = directory.slice('kernel-'.length)
  const tree = join(cache, directory)
  return { release, image: join(tree, 'boot', `vmlinuz-${release}`), modules: join(tree, 'lib', 'modules', release) }
}

function provideFirstStage({ release, modules: tree }) {
  const digest = createHash('sha256')
    .update(readFileSync(firstStage))
    .update(`${release} ${modules.join(' ')}`)
    .digest('hex')
  const archive = join(cache, `initramfs-${digest.slice(0, 16)}.gz`)
  if (existsSync(archive)) return archive
  const stage = mkdtempSync(join(cache, 'packing-'))
  try {
    mkdirSync(join(stage, 'bin'))
    mkdirSync(join(stage, 'modules'))
    cpSync(output('sh', ['-c', 'command -v busybox']).trim(), join(stage, 'bin', 'busybox'), { dereference: true })
    cpSync(firstStage, join(stage, 'init'))
    chmodSync(join(stage, 'init'), 0o755)
    const files = readdirSync(tree, { recursive: true }).map(String)
    for (const name of modules) {
      const file = files.find((path) => path.endsWith(`/${name}.ko`))
      // A kernel may have it built in.
      if (file !== undefined) cpSync(join(tree, file), join(stage, 'modules', `${name}.ko`))
    }
    const packed = `${archive}.${process.pid}`
    run('sh', ['-ec', 'find . | cpio --quiet -o -H newc | gzip -1 > "$1"', 'sh', packed], stage)
    for (const old of readdirSync(cache)) {
      if (/^initramfs-[0-9a-f]+\.gz$/.test(old)) rmSync(join(cache, old))
    }
    renameSync(packed, archive)
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
  return archive
}

function writeAtomically(path, text) {
  writeFileSync(`${path}.${process.pid}`, text)
  renameSync(`${path}.${process.pid}`, path)
}

function isProgram(name) {
  return spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0
}

function run(command, args, cwd = cache) {
  mkdirSync(cache, { recursive: true })
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const done = spawnSync(command, args, { cwd, env: environment, stdio: ['ignore', 'ignore', 'inherit'] })
  if (done.status !== 0) fail(`"${command} ${args.join(' ')}" failed (exit ${done.status ?? done.signal})`)
}

function output(command, args) {
  const done = spawnSync(command, args, { encoding: 'utf8' })
  return done.status === 0 ? done.stdout : fail(`"${command} ${args.join(' ')}" failed: ${done.stderr}`)
}

function fail(reason) {
  process.stderr.write(`vm-setup: cannot prepare virtual machines: ${reason}\n`)
  process.exit(69)
}
