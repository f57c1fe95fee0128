/** For what is loaded with `--import` into a daemon under test: dies (kill -9, by itself) where BINGO_TEST_FAILPOINT says. */
import { FAILPOINT_VARIABLE } from './names.ts'

const [wanted, at] = (process.env[FAILPOINT_VARIABLE] ?? '').split(':')
let left = Number(at ?? 1)

/** Whether this passing is the one to die at. */
export function isDue(point: string): boolean {
  if (point !== wanted) return false
  left -= 1
  return left === 0
}

export function dieIfDue(point: string): void {
  if (isDue(point)) die()
}

export function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered on the way back from the system call; nothing may run until then.
  for (;;);
}

type Returned<T, K extends keyof T> = T[K] extends (...args: never[]) => infer R ? R : never
type Arguments<T, K extends keyof T> = T[K] extends (...args: infer A) => unknown ? A : never

interface Around<T, K extends keyof T> {
  readonly before?: (self: T, args: Arguments<T, K>) => void
  readonly after?: (result: Returned<T, K>, self: T, args: Arguments<T, K>) => Returned<T, K>
}

/** Runs `before` when the method is called, and `after` with what it returned. */
export function wrap<T extends object, K extends keyof T>(owner: T, method: K, { before, after }: Around<T, K>): void {
  const original = owner[method] as (...args: unknown[]) => Returned<T, K>
  owner[method] = function wrapped(this: T, ...args: Arguments<T, K>) {
    before?.(this, args)
    const result = original.apply(this, args)
    return after === undefined ? result : after(result, this, args)
  } as T[K]
}

/** `sent`: once the socket has the bytes, which is in this turn of the event loop, and before the next one reads answers. */
export function aroundAnswer<T>(sent: string | null, acknowledged: string) {
  return (answer: Promise<T>): Promise<T> => {
    if (sent !== null && isDue(sent)) setImmediate(die)
    return whenAnswered<T>(acknowledged)(answer)
  }
}

/** It has happened, and nobody knows yet. */
export function whenAnswered<T>(point: string) {
  return (answer: Promise<T>): Promise<T> =>
    answer.then((value) => {
      dieIfDue(point)
      return value
    })
}
