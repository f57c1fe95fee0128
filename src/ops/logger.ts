// oxlint-disable-next-line no-restricted-imports -- this file is the one maker of loggers
import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import type { Log } from '../model/rule/action.ts'
import { createRedactor, type Redact } from './redact.ts'

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** `json`: one object per line. `pretty`: for a person at a terminal. */
  readonly format: 'json' | 'pretty'
  readonly output: 'stdout' | 'stderr'
  /** On every line. */
  readonly bindings?: object
  /** Never printed, wherever they stand. */
  readonly secrets?: readonly string[]
  /** Keep fields that hold row values. */
  readonly rowValues: boolean
}

/** Fields that may hold personal data; left out unless row values are allowed. */
const ROW_FIELDS: readonly string[] = ['row', 'old', 'new', 'rowKey', 'payload', 'params', 'value']

/** Makes the process's log. Lines are written synchronously: the last ones before an exit are not lost. */
export async function createLog(options: LogOptions): Promise<Log> {
  const descriptor = options.output === 'stdout' ? 1 : 2
  const stream = options.format === 'json' ? jsonStream(descriptor) : await prettyStream(descriptor)
  return createLogOn(stream, options)
}

/** The same on any stream. */
export function createLogOn(stream: DestinationStream, options: Omit<LogOptions, 'format' | 'output'>): Log {
  const logger = pino(
    {
      level: options.level,
      base: { ...options.bindings },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  )
  return new PinoLog(logger, createRedactor(options.secrets ?? []), options.rowValues)
}

function jsonStream(descriptor: number): DestinationStream {
  const stream = destination({ fd: descriptor, sync: true })
  // A reader that went away (`| head`) must not end a daemon.
  stream.on('error', () => undefined)
  return stream
}

async function prettyStream(descriptor: number): Promise<DestinationStream> {
  const { build } = await import('pino-pretty')
  return build({
    colorize: true,
    destination: jsonStream(descriptor) as never,
    ignore: 'name',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
}

class PinoLog implements Log {
  private readonly logger: Logger
  private readonly redact: Redact
  private readonly rowValues: boolean

  constructor(logger: Logger, redact: Redact, rowValues: boolean) {
    this.logger = logger
    this.redact = redact
    this.rowValues = rowValues
  }

  debug(fields: object, message: string): void {
    this.write('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.write('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.write('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.write('error', fields, message)
  }

  child(bindings: object): Log {
    return new PinoLog(this.logger.child(this.clean(bindings)), this.redact, this.rowValues)
  }

  private write(level: 'debug' | 'info' | 'warn' | 'error', fields: object, message: string): void {
    if (this.logger.isLevelEnabled(level)) this.logger[level](this.clean(fields), String(this.redact(message)))
  }

  private clean(fields: object): object {
    const clean = this.redact(fields) as { [key: string]: unknown }
    if (this.rowValues) return clean
    for (const field of ROW_FIELDS) delete clean[field]
    // `event` is usually the id of one, which tells nothing.
    if (typeof clean['event'] === 'object') delete clean['event']
    return clean
  }
}
