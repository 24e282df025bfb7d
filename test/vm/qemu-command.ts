import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Preparation } from './preparation.js'

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '')

/** What differs from one virtual machine to the next. */
export interface MachineSettings {
  /** File in `guest/`, without `.sh`: what is run in the machine at each boot. */
  readonly scenario: string
  /** File in `guest/`, without `.sh`: what runs the scenario. Default `stage`, which is process 1 itself. */
  readonly stage?: 'stage' | 'systemd-stage'
  /** Further words of the kernel's command line. */
  readonly kernelArguments?: readonly string[]
  /** Further arguments of QEMU. */
  readonly devices?: readonly string[]
  /** Default 2048. */
  readonly memoryMiB?: number
}

/** Files of one virtual machine, all in its own directory. */
export interface MachineFiles {
  readonly root: string
  /** Shared with the guest, which writes its results there. */
  readonly out: string
  /** A disk that survives a reset: the guest has hangdog's state directory on it. */
  readonly disk: string
  readonly qmp: string
}

export function layOutMachine(directory: string): MachineFiles {
  return {
    root: join(directory, 'root'),
    out: join(directory, 'out'),
    disk: join(directory, 'disk.img'),
    qmp: join(directory, 'qmp.sock'),
  }
}

/** The kernel's command line, and with it the variables that the guest's programs see. */
export function kernelCommandLine(settings: MachineSettings, { modules, image, initramfs }: Preparation): string {
  const variables = {
    HD_STAGE: `${projectRoot}/test/vm/guest/${settings.stage ?? 'stage'}.sh`,
    HD_PROJECT: projectRoot,
    HD_NODE: process.execPath,
    HD_MODULES: modules,
    HD_KERNEL: image,
    HD_INITRAMFS: initramfs,
    HD_SCENARIO: settings.scenario,
  }
  const words = Object.entries(variables).map(([name, value]) => {
    if (/[\s"]/.test(value)) throw new Error(`a kernel's command line cannot carry the path "${value}"`)
    return `${name}=${value}`
  })
  // The serial line is slow: only what is worth a warning is said there by the kernel.
  const fixed = ['console=ttyS0', 'panic=1', 'loglevel=5', 'mitigations=off']
  return [...fixed, ...words, ...(settings.kernelArguments ?? [])].join(' ')
}

/**
 * A command that becomes QEMU: each program executes the next in its place, so that the process that is started is QEMU's in the end.
 * It ends with the process that started it. The guest's root is a bind mount of this machine's, in a mount namespace that ends with
 * QEMU: the root itself would show the guest /proc and /sys of the host, with inode numbers that collide.
 */
export function qemuCommand(settings: MachineSettings, prepared: Preparation, files: MachineFiles): readonly string[] {
  const elsewhere = [projectRoot, dirname(process.execPath), dirname(prepared.image), prepared.modules].filter(
    (path) => statSync(path).dev !== statSync('/').dev,
  )
  const bind = ['/', ...elsewhere].map((path) => `mount --bind '${path}' '${files.root}${path}'`).join(' && ')
  const remap = elsewhere.length > 0 ? ',multidevs=remap' : ''
  const mounted = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', `${bind} && exec "$@"`, 'sh']
  return ['setpriv', '--pdeathsig', 'KILL', ...mounted, ...qemu(settings, prepared, files, remap)]
}

function qemu(settings: MachineSettings, prepared: Preparation, files: MachineFiles, remap: string): readonly string[] {
  const share = 'security_model=passthrough'
  return [
    ...['qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2'],
    ...['-m', String(settings.memoryMiB ?? 2048), '-nic', 'none', '-display', 'none', '-monitor', 'none'],
    ...['-kernel', prepared.image, '-initrd', prepared.initramfs, '-append', kernelCommandLine(settings, prepared)],
    // Stands still until its events are listened to.
    ...['-S', '-serial', 'stdio', '-qmp', `unix:${files.qmp},server=on,wait=off`],
    ...['-fsdev', `local,id=h,path=${files.root},${share},readonly=on${remap}`],
    ...['-device', 'virtio-9p-pci,fsdev=h,mount_tag=hostroot'],
    ...['-fsdev', `local,id=o,path=${files.out},${share}`, '-device', 'virtio-9p-pci,fsdev=o,mount_tag=out'],
    ...['-drive', `file=${files.disk},format=raw,if=virtio`],
    ...(settings.devices ?? []),
  ]
}
