import { createHash, randomUUID } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { access, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { HangdogError } from '../errors.js'
import { runCommand } from '../platform/command.js'

/** A first `go build` compiles Go's own library as well. */
const longestBuildMs = 180_000

/** @returns the executable */
export async function buildC(folder: string, file: string): Promise<string> {
  const sources = [join(folder, file), join(folder, 'service.h')]
  return await build(sources, basename(file, '.c'), (to) => [
    // Without optimisation, so that the stack of a hang has all its functions.
    'gcc',
    ...['-g', '-O0', '-Wall', '-pthread', '-I', folder, '-o', to, join(folder, file)],
  ])
}

/** @returns the executable */
export async function buildGo(source: string): Promise<string> {
  return await build([source], basename(source, '.go'), (to) => ['go', 'build', '-o', to, source])
}

/** Compiles all Java programs of the folder. @returns the class path */
export async function buildJava(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => extname(name) === '.java').sort()
  const sources = names.map((name) => join(folder, name))
  return await build(sources, 'java', (to) => ['javac', '-g', '-d', to, ...sources])
}

/** Compiles once for each state of the sources; who comes at the same time compiles as well, and the first result stays. */
async function build(
  sources: readonly string[],
  name: string,
  commandLine: (to: string) => readonly [string, ...string[]],
): Promise<string> {
  const hash = createHash('sha256')
  for (const source of sources) hash.update(await readFile(source))
  hash.update(commandLine('').join('\0'))
  const cache = openCache()
  const built = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (await exists(built)) return built
  const to = join(cache, `${name}-${randomUUID()}`)
  const [command, ...args] = commandLine(to)
  const result = await runCommand({
    command,
    args,
    timeoutMs: longestBuildMs,
    environment: buildEnvironment(cache),
  })
  if (result.kind === 'done' && result.exit.kind === 'code' && result.exit.code === 0) {
    // A folder of classes does not replace another that has come in between; both are the same.
    await rename(to, built).catch(() => rm(to, { recursive: true, force: true }))
    return built
  }
  await rm(to, { recursive: true, force: true })
  const why = result.kind === 'not-started' ? result.error : result.stderr.trim().slice(0, 500)
  throw new HangdogError('unavailable', `cannot compile the fault "${name}" with ${command}: ${why}`)
}

/** Go wants a folder for what it compiled; a service has no home. */
function buildEnvironment(cache: string): Readonly<Record<string, string>> {
  const own = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { GOCACHE: join(cache, 'go'), ...Object.fromEntries(own) }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** What lies there is run, so it must be nobody's but ours. */
function openCache(): string {
  const uid = process.getuid?.() ?? 0
  const path = join(tmpdir(), `hangdog-fault-${uid}`)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const found = lstatSync(path)
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0) return path
  throw new HangdogError(
    'permission',
    `cannot use the folder "${path}" for compiled faults: expected a folder of ours that nobody else may write to`,
  )
}
