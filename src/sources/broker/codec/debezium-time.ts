const DAY_MS = 86_400_000
const MICROS_PER_SECOND = 1_000_000n
const MICROS_PER_DAY = 86_400_000_000n
/** 0001-01-01 to 9999-12-31. */
const [FIRST_DAY, LAST_DAY] = [-719_162n, 2_932_896n]

/** `2026-11-28`; undefined for a day that no DATE can be. */
export function dateOfDays(days: bigint): string | undefined {
  if (days < FIRST_DAY || days > LAST_DAY) return undefined
  return new Date(Number(days) * DAY_MS).toISOString().slice(0, 10)
}

/** `2026-11-28 10:11:12.500`: as many digits of the second as it needs, of none, three and six. */
export function dateTimeOfMicros(micros: bigint): string | undefined {
  const days = floorDiv(micros, MICROS_PER_DAY)
  const date = dateOfDays(days)
  return date === undefined ? undefined : `${date} ${timeOfMicros(micros - days * MICROS_PER_DAY)}`
}

/** `-838:59:59`: a TIME of MySQL is a duration. */
export function timeOfMicros(micros: bigint): string {
  const sign = micros < 0n ? '-' : ''
  const all = micros < 0n ? -micros : micros
  const seconds = all / MICROS_PER_SECOND
  const two = (part: bigint): string => String(part).padStart(2, '0')
  const fraction = fractionOf(all % MICROS_PER_SECOND)
  return `${sign}${two(seconds / 3_600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fraction}`
}

function fractionOf(micros: bigint): string {
  if (micros === 0n) return ''
  const digits = String(micros).padStart(6, '0')
  return `.${digits.endsWith('000') ? digits.slice(0, 3) : digits}`
}

export function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}
