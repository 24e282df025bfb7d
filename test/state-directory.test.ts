import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { writeDurably } from '../src/durable-file.js'
import {
  checkHolder,
  checkInstanceName,
  findStateDirectory,
  layOutStateDirectory,
  openStateDirectory,
} from '../src/state-directory.js'

function temporary(t: { teardown(fn: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'hangdog-state-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

t.test('what is missing is made, for the owner alone, and opened again as it is', (t) => {
  const root = join(temporary(t), 'a', 'b')
  const directory = openStateDirectory(root)
  for (const path of Object.values(directory) as string[]) t.equal(statSync(path).mode & 0o777, 0o700, path)
  t.strictSame(openStateDirectory(root), directory)
  t.strictSame(findStateDirectory(root), directory)
  t.strictSame(readdirSync(root).sort(), ['beat', 'control', 'events', 'gaps', 'guard', 'incidents', 'output', 'runs'])
  t.end()
})

t.test('a file, a file in the path and a dangling link are refused, and nothing is made', (t) => {
  const parent = temporary(t)
  writeFileSync(join(parent, 'file'), 'x')
  symlinkSync('nowhere', join(parent, 'link'))
  for (const name of ['file', 'file/below', 'link']) {
    const message = new RegExp(`cannot use the state directory "${join(parent, name)}": expected .*, found `)
    t.throws(() => openStateDirectory(join(parent, name)), { code: 'create', message }, name)
  }
  t.strictSame(readdirSync(parent).sort(), ['file', 'link'])
  t.end()
})

t.test('a directory that others can change is refused', (t) => {
  const root = join(temporary(t), 'state')
  openStateDirectory(root)
  chmodSync(join(root, 'control'), 0o777)
  t.throws(() => openStateDirectory(root), { code: 'permission', message: /control.*others can change \(mode 777\)/ })
  chmodSync(join(root, 'control'), 0o700)
  chmodSync(root, 0o777)
  t.throws(() => openStateDirectory(root), { code: 'permission', message: /everyone can change/ })
  t.end()
})

t.test(
  'the directory of another user is not written to, not even by root, and one that nobody used is by all but root',
  async (t) => {
    const root = join(temporary(t), 'state')
    const directory = layOutStateDirectory(root)
    checkHolder(directory)
    openStateDirectory(root)
    checkHolder(directory)
    if (process.getuid?.() !== 0) {
      t.comment('skipped: only root can give a directory to another user')
      return
    }
    chownSync(directory.control, 65534, 65534)
    const message = `cannot use the state directory "${root}": expected to be run as user 65534, who owns it, not as user 0`
    t.throws(() => checkHolder(directory), { code: 'permission', message })
    rmSync(directory.control, { recursive: true })
    checkHolder(directory)
    chownSync(root, 65534, 65534)
    t.throws(() => checkHolder(directory), { code: 'permission', message }, 'made for that user')
    mkdirSync(directory.control)
    t.doesNotThrow(() => checkHolder(directory), 'a hangdog of root ran there')
  },
)

function mounted(t: typeof import('tap').default, options: string): string | undefined {
  const root = mkdtempSync(join(tmpdir(), 'hangdog-state-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'hangdog-test', root], { stdio: 'ignore' })
  } catch {
    rmSync(root, { recursive: true })
    return undefined
  }
  t.teardown(() => {
    execFileSync('umount', [root])
    rmSync(root, { recursive: true })
  })
  return root
}

const rootOnly = process.getuid?.() === 0 ? false : 'only root can mount'

t.test('a full disk is refused, and nothing stays behind', { skip: rootOnly }, (t) => {
  const root = mounted(t as unknown as typeof import('tap').default, 'size=64k')
  if (root === undefined) return t.end()
  try {
    writeFileSync(join(root, 'ballast'), Buffer.alloc(100_000))
  } catch {
    // It is meant to be full.
  }
  t.throws(() => openStateDirectory(join(root, 'state')), { code: 'create', message: /found a full disk/ })
  t.strictSame(readdirSync(root), ['ballast'])
  return t.end()
})

t.test('a read-only file system is refused', { skip: rootOnly }, (t) => {
  const root = mounted(t as unknown as typeof import('tap').default, 'ro')
  if (root === undefined) return t.end()
  t.throws(() => openStateDirectory(join(root, 'state')), {
    code: 'create',
    message: /found a read-only file system \(EROFS\)/,
  })
  return t.end()
})

t.test('a directory that may not be written to is refused', { skip: rootOnly }, (t) => {
  const parent = temporary(t)
  chmodSync(parent, 0o755)
  process.seteuid?.(65_534)
  try {
    const message = /found that it is not permitted \(EACCES\)/
    t.throws(() => openStateDirectory(join(parent, 'state')), { code: 'permission', message })
  } finally {
    process.seteuid?.(0)
  }
  t.strictSame(readdirSync(parent), [])
  t.end()
})

t.test('finding makes nothing', (t) => {
  const parent = temporary(t)
  t.throws(() => findStateDirectory(join(parent, 'none')), { code: 'unavailable', message: /nothing there/ })
  writeFileSync(join(parent, 'file'), '')
  t.throws(() => findStateDirectory(join(parent, 'file')), { code: 'unavailable', message: /not a directory/ })
  t.strictSame(readdirSync(parent), ['file'])
  t.end()
})

t.test('the default is in the home of who is not root', { skip: rootOnly }, (t) => {
  const state = process.env.XDG_STATE_HOME
  const parent = temporary(t)
  mkdirSync(join(parent, 'hangdog'))
  chmodSync(parent, 0o755)
  process.env.XDG_STATE_HOME = parent
  const getuid = process.getuid
  process.getuid = () => 1000
  try {
    t.equal(findStateDirectory(undefined).root, join(parent, 'hangdog'))
  } finally {
    Object.assign(process, { getuid })
    if (state === undefined) delete process.env.XDG_STATE_HOME
    else process.env.XDG_STATE_HOME = state
  }
  t.end()
})

t.test('instance names are file names', (t) => {
  t.equal(checkInstanceName('web-1.a_B'), 'web-1.a_B')
  for (const name of ['', '.', '..', '.x', 'a/b', 'ü', 'a b', 'x'.repeat(65)]) {
    t.throws(() => checkInstanceName(name), { code: 'usage' }, `"${name}"`)
  }
  t.end()
})

t.test('a durable write replaces the file as a whole or leaves it', async (t) => {
  const parent = temporary(t)
  const path = join(parent, 'file')
  await writeDurably(path, 'one')
  await writeDurably(path, Buffer.from('two'))
  t.equal(readFileSync(path, 'utf8'), 'two')
  mkdirSync(join(parent, 'directory'))
  await t.rejects(writeDurably(join(parent, 'directory'), 'x'), { code: 'EISDIR' })
  await t.rejects(writeDurably(join(parent, 'none', 'file'), 'x'), { code: 'ENOENT' })
  t.strictSame(readdirSync(parent).sort(), ['directory', 'file'])
})
