const DAY_SLOTS = 1024
const SECONDS_PER_DAY = 86_400

const slotDays = new Int32Array(DAY_SLOTS).fill(-1)
const slotDates = new Int32Array(DAY_SLOTS)

/** Packs a date as DATE columns do: year << 9 | month << 5 | day. */
export function packDate(year: number, month: number, day: number): number {
  return (year << 9) | (month << 5) | day
}

/** UTC date of a moment in seconds since 1970, packed as by `packDate`. Rows of one day share the calculation. */
export function utcDate(seconds: number): number {
  const day = Math.floor(seconds / SECONDS_PER_DAY)
  const slot = day & (DAY_SLOTS - 1)
  if (slotDays[slot] !== day) {
    slotDays[slot] = day
    const date = new Date(day * SECONDS_PER_DAY * 1000)
    slotDates[slot] = packDate(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())
  }
  return slotDates[slot]!
}

/** Character codes of the digits of 0 to 99. */
export const TENS: Uint8Array = Uint8Array.from({ length: 100 }, (_, i) => 48 + Math.floor(i / 10))
export const ONES: Uint8Array = Uint8Array.from({ length: 100 }, (_, i) => 48 + (i % 10))

export function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}

/** `YYYY-MM-DD`; month and day may be zero. */
export function dateText(year: number, month: number, day: number): string {
  return `${String(year).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}`
}

/** `[-]HH:MM:SS`, hours up to three digits. */
export function timeText(negative: boolean, hours: number, minutes: number, seconds: number): string {
  return `${negative ? '-' : ''}${twoDigits(hours)}:${twoDigits(minutes)}:${twoDigits(seconds)}`
}

/** `.123` for the value 123 in three digits; nothing for no digits. */
export function fractionText(value: number, digits: number): string {
  return digits === 0 ? '' : `.${String(value).padStart(digits, '0')}`
}
