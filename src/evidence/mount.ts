import { type Reading, readText } from './proc-file.js'

/** A mounted file system, as the process sees it. */
export interface Mount {
  readonly point: string
  /** Such as ext4, nfs4 or fuse.sshfs. */
  readonly type: string
  /** Such as /dev/vda1 or server:/export. */
  readonly source: string
  /** Major and minor number, such as 0:52. */
  readonly device: string
}

const withServer = /^(nfs4?|cifs|smb3?|smbfs|9p|ceph|fuse(\..+)?|fuseblk|virtiofs|afs|glusterfs|lustre|coda|ncpfs)$/

/** A server answers for it: looking at a file there can take for ever, so it is left alone when that server may be the cause. */
export function hasServer(type: string): boolean {
  return withServer.test(type)
}

/** All mounts of the process's mount namespace, in the order they were made. */
export async function readMounts(pid: number): Promise<Reading<readonly Mount[]>> {
  const text = await readText(`/proc/${pid}/mountinfo`)
  return text.kind === 'read' ? { kind: 'read', value: parseMounts(text.value) } : text
}

export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ', 2)
    const [, , device, , point] = before?.split(' ') ?? []
    const [type, source] = after?.split(' ') ?? []
    if (device === undefined || point === undefined || type === undefined) return []
    return [{ point: decode(point), type, source: decode(source ?? ''), device }]
  })
}

/** The mount that a path without symbolic links lies in: the deepest, and of several at one place the one made last. */
export function findMount(mounts: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined
  for (const mount of mounts) {
    const inside = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`)
    if (inside && mount.point.length >= (found?.point.length ?? 0)) found = mount
  }
  return found
}

/** Space, tab, newline and backslash are written as three octal digits. */
function decode(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
