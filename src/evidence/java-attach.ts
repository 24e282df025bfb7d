import { constants } from 'node:fs'
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProcessIdentity } from '../platform/platform.js'
import type { Signaller } from './inspector-port.js'
import { listNames, parseFields, readTarget, readText, readWithin } from './proc-file.js'
import { nameProgram } from './runtime.js'

export type JavaAnswer =
  | { readonly kind: 'answered'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: string }

/** An answer is read up to this; a dump of ten thousand threads is smaller. */
const answerLimit = 16 * 1024 * 1024

const pollMs = 10

/** SIGQUIT is 3; bit 2 of the masks. */
const sigquitBit = 1n << 2n

/**
 * Sends one command to a HotSpot Java machine by its attach protocol, as jcmd does, without a JDK on this machine: the machine
 * listens on the socket `.java_pidN` in its /tmp. When it does not yet, a file `.attach_pidN` of its own user and a SIGQUIT make it.
 * The number is that of its own pid namespace, and /tmp that of its own mount namespace.
 *
 * SIGQUIT ends a program that does not catch it, so it is sent only to one that catches it and has the thread for it.
 * Protocol: src/jdk.attach and attachListener_posix.cpp of OpenJDK; hangdog's record 0021.
 * @param words the command and its arguments, three at most
 */
export async function askJava(
  identity: ProcessIdentity,
  words: readonly string[],
  platform: Signaller,
  limitMs: number,
  cutOff: AbortSignal,
): Promise<JavaAnswer> {
  const end = performance.now() + limitMs
  const subject = await readSubject(identity.pid)
  if (subject.kind === 'refused') return subject
  const folder = await readWithin(() => openFolder(`/proc/${identity.pid}/root/tmp`))
  if (folder.kind === 'unreadable') return refused(`cannot open its /tmp: ${folder.reason}`)
  try {
    const socket = `/proc/self/fd/${folder.value.fd}/.java_pid${subject.number}`
    const before = await findSocket(socket, subject)
    if (before === 'foreign') return refused('its attach socket is not its own')
    if (before === 'none') {
      const opened = await openAttachSocket(identity, subject, folder.value, socket, platform, end, cutOff)
      if (opened !== undefined) return refused(opened)
    }
    return await converse(socket, words, Math.max(1, end - performance.now()), cutOff)
  } finally {
    await folder.value.close()
  }
}

interface Subject {
  readonly kind: 'subject'
  /** Its number in its own pid namespace. */
  readonly number: string
  readonly uid: number
  readonly gid: number
}

async function readSubject(pid: number): Promise<Subject | Extract<JavaAnswer, { kind: 'refused' }>> {
  const status = await readText(`/proc/${pid}/status`)
  if (status.kind === 'unreadable') return refused(status.reason)
  const fields = parseFields(status.value)
  if (/^[TtZX]/.test(fields.State ?? '')) return refused(`it is in state ${fields.State} and answers nothing`)
  const caught = BigInt(`0x${fields.SigCgt ?? '0'}`)
  if ((caught & sigquitBit) === 0n) return refused('it does not catch SIGQUIT (-Xrs), which would end it')
  if (!(await hasSignalThread(pid))) return refused('it has no thread that serves SIGQUIT')
  const number = fields.NSpid?.split(/\s+/).at(-1) ?? String(pid)
  const [uid, gid] = [fields.Uid, fields.Gid].map((ids) => Number(ids?.split(/\s+/)[1]))
  if (uid === undefined || gid === undefined || !Number.isInteger(uid + gid)) return refused('its user is not known')
  return { kind: 'subject', number, uid, gid }
}

/** Java 8 gives its threads no names that the kernel knows; there the program itself has to be java. */
async function hasSignalThread(pid: number): Promise<boolean> {
  const executable = await readTarget(`/proc/${pid}/exe`)
  if (executable.kind === 'read' && nameProgram(executable.value) === 'java') return true
  const threads = await listNames(`/proc/${pid}/task`)
  for (const tid of threads.kind === 'read' ? threads.value.slice(0, 64) : []) {
    const name = await readText(`/proc/${pid}/task/${tid}/comm`)
    if (name.kind === 'read' && name.value.startsWith('Signal Dispatch')) return true
  }
  return false
}

/** Held open, so that a service that moves its directories cannot lead hangdog elsewhere. A link in place of it is refused. */
function openFolder(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
}

async function findSocket(path: string, { uid }: Subject): Promise<'own' | 'foreign' | 'none'> {
  const status = await readWithin(() => lstat(path))
  if (status.kind === 'unreadable') return 'none'
  return status.value.isSocket() && (status.value.uid === uid || status.value.uid === 0) ? 'own' : 'foreign'
}

/** Makes the machine listen. Answers with why it does not, if it does not. */
async function openAttachSocket(
  identity: ProcessIdentity,
  subject: Subject,
  folder: FileHandle,
  socket: string,
  platform: Signaller,
  end: number,
  cutOff: AbortSignal,
): Promise<string | undefined> {
  const request = `/proc/self/fd/${folder.fd}/.attach_pid${subject.number}`
  const made = await readWithin(() => makeRequest(request, subject))
  if (made.kind === 'unreadable') return `cannot write its attach request: ${made.reason}`
  try {
    if (cutOff.aborted) return 'cut off before the signal'
    const sent = platform.signal(identity, 'SIGQUIT')
    if (sent.kind !== 'sent') return `SIGQUIT was not sent: ${sent.kind}`
    const start = performance.now()
    while (performance.now() < end && !cutOff.aborted) {
      if ((await findSocket(socket, subject)) === 'own') return undefined
      const status = await readText(`/proc/${identity.pid}/status`)
      if (status.kind === 'unreadable' || /^State:\s+[ZX]/m.test(status.value)) return 'it ended meanwhile'
      await delay(pollMs)
    }
    return `the Java machine did not answer the attach request within ${Math.round(performance.now() - start)} ms`
  } finally {
    if (made.value) await readWithin(() => unlink(request))
  }
}

/** Tells whether the file is ours to remove: another tool may be attaching at the same time. */
async function makeRequest(path: string, { uid, gid }: Subject): Promise<boolean> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
  try {
    // The machine looks at the owner, and takes a file of its own user only.
    if (process.geteuid?.() !== uid) await file.chown(uid, gid)
    return true
  } catch (error) {
    await unlink(path)
    throw error
  } finally {
    await file.close()
  }
}

/** Version 1 of the protocol: the version, the command and three arguments, each ended by a zero; the answer begins with a code. */
function converse(socket: string, words: readonly string[], limitMs: number, cutOff: AbortSignal): Promise<JavaAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const connection = createConnection(socket)
    const finish = (answer: JavaAnswer) => {
      clearTimeout(timer)
      cutOff.removeEventListener('abort', giveUp)
      connection.destroy()
      resolve(answer)
    }
    const giveUp = () =>
      finish(
        refused(`the Java machine did not answer ${words[0]} within ${Math.round(limitMs)} ms: it is busy or stuck`),
      )
    const timer = setTimeout(giveUp, limitMs)
    cutOff.addEventListener('abort', giveUp)
    const done = () => finish(readAnswer(Buffer.concat(chunks).toString('utf8')))
    connection.on('error', (error) => finish(refused(`its attach socket failed: ${error.message}`)))
    connection.on('connect', () => {
      const request = ['1', ...words, '', '', ''].slice(0, 5)
      connection.write(request.map((word) => `${word}\0`).join(''))
    })
    connection.on('data', (chunk) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > answerLimit) done()
    })
    connection.on('end', done)
  })
}

function readAnswer(text: string): JavaAnswer {
  const lineEnd = text.indexOf('\n')
  if (lineEnd === -1) {
    return refused(
      'the Java machine closed the connection: before Java 9, and in a user namespace, it answers its own user only',
    )
  }
  const code = text.slice(0, lineEnd)
  const rest = text.slice(lineEnd + 1)
  return code === '0'
    ? { kind: 'answered', text: rest }
    : refused(`it answered with code ${code}: ${rest.slice(0, 200)}`)
}

function refused(reason: string): Extract<JavaAnswer, { kind: 'refused' }> {
  return { kind: 'refused', reason }
}
