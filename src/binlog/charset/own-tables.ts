/**
 * What the server maps otherwise than iconv-lite, and the sets that iconv-lite lacks: runs of characters, each with
 * the byte of its first. Source: CONVERT(… USING utf8mb4) of every byte on MySQL 9.7.
 */
export const OWN_TABLES: { readonly [charset: string]: readonly (readonly [number, string])[] } = {}
