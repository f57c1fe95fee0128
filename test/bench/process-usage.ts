import { readFileSync } from 'node:fs'

export interface ProcessUsage {
  /** User and system time so far, seconds. */
  readonly cpuSeconds: number
  /** Resident memory now and at its highest, MB (10^6 bytes). */
  readonly rssMb: number
  readonly peakRssMb: number
}

/** Clock ticks per second of /proc/PID/stat: USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** Reads what Linux accounts for a process (proc(5): stat fields 14 and 15, status VmRSS and VmHWM). */
export function usageOf(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command in field 2 may hold spaces and brackets: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    rssMb: kilobytes(status, 'VmRSS') / 1000,
    peakRssMb: kilobytes(status, 'VmHWM') / 1000,
  }
}

function kilobytes(status: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)
  return match ? (Number(match[1]) * 1024) / 1000 : 0
}
