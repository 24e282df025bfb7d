import { Socket } from 'node:net'

/** Bytes read at once. One buffer serves all connections, as what is read is dealt with before the next read. */
const readBytes = 64 * 1024

const sharedBuffer = Buffer.alloc(readBytes)

/**
 * Lets the bytes of an accepted socket come straight into one shared buffer, by the `onread` option of net.Socket. Node takes that option
 * for sockets it connects, but not for those it accepts, so the handle of the accepted socket moves into a socket that has it. That
 * cuts the CPU time of a small chunk and needs no memory for it (bench/ingest.mjs, spread). A Node whose sockets hold no such handle
 * gives the `data` event instead, and all works as before.
 * @param accepted just accepted, and not reading yet (`pauseOnConnect`)
 * @param bytesRead is given bytes that are only valid during the call
 * @returns the socket to use from here on
 */
export function readDirectly(accepted: Socket, bytesRead: (chunk: Buffer) => void): Socket {
  const handle = takeHandle(accepted)
  if (handle === undefined) {
    accepted.on('data', bytesRead)
    return accepted.resume()
  }
  // The accepted socket is an empty shell now; its end lets the server forget it.
  accepted.destroy()
  const callback = (length: number): boolean => {
    bytesRead(length === readBytes ? sharedBuffer : sharedBuffer.subarray(0, length))
    return true
  }
  return new Socket({ handle, onread: { buffer: sharedBuffer, callback } } as ConstructorParameters<typeof Socket>[0])
}

function takeHandle(socket: Socket): object | undefined {
  if (!('_handle' in socket)) return undefined
  const handle = socket._handle
  if (typeof handle !== 'object' || handle === null || !('useUserBuffer' in handle)) return undefined
  socket._handle = null
  return handle
}
