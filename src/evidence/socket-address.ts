/** Four bytes in the order of the network. */
export function formatIPv4(bytes: Buffer): string {
  return [...bytes].join('.')
}

/** Sixteen bytes in the order of the network; an IPv4 address in IPv6 form is shown as one of IPv4. */
export function formatIPv6(bytes: Buffer): string {
  if (bytes.subarray(0, 12).equals(mappedPrefix)) return formatIPv4(bytes.subarray(12))
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':')
  // A URL has the shortest form of an address.
  return new URL(`http://[${groups}]/`).hostname.slice(1, -1)
}

const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex')

/**
 * Reads an address as /proc/net/tcp writes it, such as `0100007F:1F90`. Each word of four bytes is in the machine's order.
 * @returns as people write it; undefined when it is not one
 */
export function parseKernelAddress(text: string): { readonly text: string; readonly port: number } | undefined {
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  const bytes = Buffer.from(match[1], 'hex')
  // Both architectures that are known here keep the lowest byte first.
  bytes.swap32()
  const port = Number.parseInt(match[2], 16)
  const host = bytes.length === 4 ? formatIPv4(bytes) : formatIPv6(bytes)
  return { text: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, port }
}
