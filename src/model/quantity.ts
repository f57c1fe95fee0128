const DURATION_UNITS_MS: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const BYTE_UNITS: { readonly [unit: string]: number } = {
  b: 1,
  kb: 1_000,
  mb: 1_000_000,
  gb: 1_000_000_000,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
}

/** `250ms`, `1.5s`, `5m`, `1h30m`, `7d` in milliseconds; undefined when it is not a duration. A unit is required. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * DURATION_UNITS_MS[unit!]!
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined
}

/** A duration as people write it: `1h` for 3,600,000 ms. Exact. */
export function writeDuration(ms: number): string {
  const [unit, factor] = Object.entries(DURATION_UNITS_MS).findLast(([, each]) => ms >= each && ms % each === 0) ?? [
    'ms',
    1,
  ]
  return `${ms / factor}${unit}`
}

/** `32MiB`, `64 kB`, `1048576` in bytes; undefined when it is not a size. Letter case does not matter. */
export function parseBytes(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim())
  if (!parts) return undefined
  const factor = BYTE_UNITS[(parts[2] || 'b').toLowerCase()]
  if (factor === undefined) return undefined
  const bytes = Math.round(Number(parts[1]) * factor)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** A duration for people: `850 ms`, `12 s`, `3 min`, `2 h`, `4 d`. */
export function printDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} d`
}

/** A size for people: `512 B`, `32 MiB`. */
export function printBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`
  if (bytes < 2 ** 20) return `${(bytes / 2 ** 10).toFixed(1)} KiB`
  if (bytes < 2 ** 30) return `${(bytes / 2 ** 20).toFixed(1)} MiB`
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
