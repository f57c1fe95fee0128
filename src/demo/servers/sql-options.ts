/** How a test wants its MySQL or MariaDB; everything has the server's usual production value by default. */
export interface SqlServerOptions {
  readonly gtid?: boolean
  readonly rowMetadata?: 'FULL' | 'MINIMAL' | 'NO_LOG'
  readonly rowImage?: 'FULL' | 'MINIMAL' | 'NOBLOB'
  readonly binlogFormat?: 'ROW' | 'STATEMENT' | 'MIXED'
  readonly checksum?: 'CRC32' | 'NONE'
  /** false: the server refuses TLS. true: it offers TLS with the certificate that it made itself (`caFile`). */
  readonly tls?: boolean
  readonly serverId?: number
  /** Further options for the server's command line. */
  readonly args?: readonly string[]
  /** `lower_case_table_names`, which MySQL takes only for a data folder that was made with it. */
  readonly lowerCaseNames?: 1
  readonly onProgress?: (message: string) => void
}

/** Binlog and identity options that both flavours share. */
export function commonArguments(options: SqlServerOptions): string[] {
  return [
    `--server-id=${options.serverId ?? 1}`,
    '--log-bin=binlog',
    `--binlog-format=${options.binlogFormat ?? 'ROW'}`,
    `--binlog-row-image=${options.rowImage ?? 'FULL'}`,
    // Unknown to servers before MySQL 8.0.1 and MariaDB 10.5.
    `--loose-binlog-row-metadata=${options.rowMetadata ?? 'FULL'}`,
    `--binlog-checksum=${options.checksum ?? 'CRC32'}`,
    '--character-set-server=utf8mb4',
    '--innodb-flush-log-at-trx-commit=2',
    '--max-allowed-packet=256M',
    ...lowerCaseArguments(options),
  ]
}

export function lowerCaseArguments({ lowerCaseNames }: SqlServerOptions): readonly string[] {
  return lowerCaseNames === undefined ? [] : [`--lower-case-table-names=${lowerCaseNames}`]
}
