/** A promise that is settled from outside. Its rejection may come before anybody waits for it. */
export interface Settleable<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

export function settleable<T>(): Settleable<T> {
  let resolve = (_value: T) => {}
  let reject = (_error: Error) => {}
  const made = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  made.catch(() => {})
  return { promise: made, resolve, reject }
}

/** The value, or nothing when it does not come in time. */
export async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}
