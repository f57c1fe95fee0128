/** Digits of one number, so that a text from a row cannot make the daemon work for ever. DECIMAL columns have 65. */
const MAX_DIGITS = 1_000
/** Digits that a division adds to those of the dividend (`div_precision_increment` of MySQL). */
const DIVISION_DIGITS = 4

const NUMBER = /^([+-]?)(\d+\.?\d*|\.\d+)(?:e([+-]?\d{1,4}))?$/i

/** An exact decimal number: `units` × 10^-`scale`, as DECIMAL columns hold it. */
export class Decimal {
  readonly units: bigint
  /** Digits after the point, 0 or more. */
  readonly scale: number

  constructor(units: bigint, scale: number) {
    this.units = units
    this.scale = scale
  }

  /** Undefined for what is not a number, or has more than 1,000 digits. */
  static of(value: string | number | bigint): Decimal | undefined {
    if (typeof value === 'bigint') return new Decimal(value, 0)
    const [, sign, digits, exponent = '0'] = NUMBER.exec(String(value)) ?? []
    if (digits === undefined) return undefined
    const [whole = '', fraction = ''] = digits.split('.')
    const scale = fraction.length - Number(exponent)
    if (whole.length + fraction.length > MAX_DIGITS || Math.abs(scale) > MAX_DIGITS) return undefined
    const magnitude = BigInt(whole + fraction) * (scale < 0 ? 10n ** BigInt(-scale) : 1n)
    return new Decimal(sign === '-' ? -magnitude : magnitude, Math.max(0, scale))
  }

  plus(other: Decimal): Decimal {
    const scale = Math.max(this.scale, other.scale)
    return new Decimal(this.unitsAt(scale) + other.unitsAt(scale), scale)
  }

  minus(other: Decimal): Decimal {
    return this.plus(other.negated())
  }

  times(other: Decimal): Decimal {
    return new Decimal(this.units * other.units, this.scale + other.scale)
  }

  /** Rounded to `scale` digits; without it to four more than this has, as MySQL does. Undefined for a division by zero. */
  dividedBy(other: Decimal, scale = this.scale + DIVISION_DIGITS): Decimal | undefined {
    if (other.units === 0n) return undefined
    const shift = scale + other.scale - this.scale
    const [above, below] = shift >= 0 ? [powerOfTen(shift), 1n] : [1n, powerOfTen(-shift)]
    return new Decimal(rounded(this.units * above, other.units * below), scale)
  }

  negated(): Decimal {
    return new Decimal(-this.units, this.scale)
  }

  /** To so many digits after the point; a half goes away from zero, as in MySQL's ROUND(). */
  rounded(scale: number): Decimal {
    if (scale >= this.scale) return new Decimal(this.unitsAt(scale), scale)
    return new Decimal(rounded(this.units, powerOfTen(this.scale - scale)), scale)
  }

  /** Negative, 0 or positive: 1.50 and 1.5 are equal. */
  compare(other: Decimal): number {
    const scale = Math.max(this.scale, other.scale)
    const [one, two] = [this.unitsAt(scale), other.unitsAt(scale)]
    return one < two ? -1 : one > two ? 1 : 0
  }

  get isWhole(): boolean {
    return this.units % powerOfTen(this.scale) === 0n
  }

  /** Without the fraction. */
  get whole(): bigint {
    return this.units / powerOfTen(this.scale)
  }

  /** All digits, as MySQL shows a DECIMAL: `12.50`. */
  toString(): string {
    const digits = String(this.units < 0n ? -this.units : this.units).padStart(this.scale + 1, '0')
    const at = digits.length - this.scale
    return `${this.units < 0n ? '-' : ''}${digits.slice(0, at)}${this.scale === 0 ? '' : `.${digits.slice(at)}`}`
  }

  private unitsAt(scale: number): bigint {
    return this.units * powerOfTen(scale - this.scale)
  }
}

function powerOfTen(exponent: number): bigint {
  return 10n ** BigInt(exponent)
}

/** The quotient, a half away from zero. */
function rounded(dividend: bigint, divisor: bigint): bigint {
  const [a, b] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor]
  const quotient = (2n * a + b) / (2n * b)
  return dividend < 0n === divisor < 0n ? quotient : -quotient
}
