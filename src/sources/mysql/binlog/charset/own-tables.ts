/** Characters by code: runs, each with the code of its first character. */
export type CharacterRuns = readonly (readonly [number, string])[]

/**
 * Single-byte sets that iconv-lite lacks, and characters that the server maps otherwise than iconv-lite. Source:
 * CONVERT(… USING utf8mb4) of every byte, the same on MySQL 9.7 and MariaDB 11.8. U+FFFD is where a set has nothing.
 */
export const SINGLE_BYTE_RUNS: { readonly [charset: string]: CharacterRuns } = {
  armscii8: [
    [0xa0, "\u00a0❁§։)(»«—.՝,-՟…՜՛՞ԱաԲբԳգԴդԵեԶզԷէԸըԹթԺժԻիԼլԽխԾծԿկՀհՁձՂղՃճՄմՅյՆնՇշՈոՉչՊպՋջՌռՍսՎվՏտՐրՑցՒւՓփՔքՕօՖֆ’'"],
  ],
  cp866: [[0xfc, 'ⁿ²']],
  dec8: [
    [
      0xa0,
      '\u00a0¡¢£\ufffd¥\ufffd§¤©ª«\ufffd\ufffd\ufffd\ufffd°±²³\ufffdµ¶·\ufffd¹º»¼½\ufffd¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ\ufffdÑÒÓÔÕÖŒØÙÚÛÜŸ\ufffdßàáâãäåæçèéêëìíîï\ufffdñòóôõöœøùúûüÿ',
    ],
  ],
  geostd8: [
    [
      0x80,
      '€\ufffd‚\ufffd„…†‡\ufffd‰\ufffd‹\ufffd\ufffd\ufffd\ufffd\ufffd‘’“”•–—\ufffd\ufffd\ufffd›\ufffd\ufffd\ufffd\ufffd\u00a0¡¢£¤¥¦§¨©ª«¬\u00ad®¯°±²³´µ¶·¸¹º»¼½¾¿აბგდევზჱთიკლმნჲოპჟრსტჳუფქღყშჩცძწჭხჴჯჰჵ',
    ],
    [0xfd, '№'],
  ],
  greek: [[0xa1, 'ʽʼ']],
  hebrew: [[0xaf, '‾']],
  hp8: [[0xa0, '\u00a0ÀÂÈÊËÎÏ´ˋˆ¨˜ÙÛ₤¯Ýý°ÇçÑñ¡¿¤£¥§ƒ¢âêôûáéóúàèòùäëöüÅîØÆåíøæÄìÖÜÉïßÔÁÃãÐðÍÌÓÒÕõŠšÚŸÿÞþ·µ¶¾—¼½ªº«■»±']],
  keybcs2: [
    [
      0x80,
      'ČüéďäĎŤčěĚĹÍľĺÄÁÉžŽôöÓůÚýÖÜŠĽÝŘťáíóúňŇŮÔšřŕŔ¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0',
    ],
  ],
  koi8u: [[0x95, '•']],
  macroman: [
    [0xbd, 'Ω'],
    [0xdb, '€'],
    [0xf0, '\uf8ff'],
  ],
  swe7: [
    [0x40, 'É'],
    [0x5b, 'ÄÖÅÜ_é'],
    [0x7b, 'äöåü'],
  ],
}

/** The same for multi-byte sets: characters that the server maps otherwise than iconv-lite, codes big-endian. */
export const MULTI_BYTE_RUNS: { readonly [charset: string]: CharacterRuns } = {
  big5: [
    [0xa145, '•'],
    [0xa14e, '､'],
    [0xa1c2, '‾'],
    [0xa1e3, '∼'],
    [0xa1f2, '♁☉'],
    [0xa241, '／＼'],
    [0xa244, '¥'],
    [0xa246, '¢£'],
    [
      0xc6a1,
      'ヾゝゞ々ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとどなにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんァアィイゥウェ',
    ],
    [
      0xc740,
      'エォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトドナニヌネノハバパヒビピフブプヘベペホボポマミムメモャヤュユ',
    ],
    [
      0xc7a1,
      'ョヨラリルレロヮワヰヱヲンヴヵヶДЕЁЖЗИЙКЛМУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюя①②③④⑤⑥⑦⑧⑨⑩⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽',
    ],
  ],
  eucjpms: [
    [0x8fa2c3, '￤'],
    [0x8ff3f3, 'ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅠⅡ'],
    [
      0x8ff4a1,
      'ⅢⅣⅤⅥⅦⅧⅨⅩ＇＂㈱№℡炻仼僴凬匇匤﨎咊坙﨏塚增寬峵嵓﨑德悅愠敎昻晥晴朗栁﨓﨔橫櫢淸淲瀨凞猪甁皂皞益礰礼神祥福竧靖精綠緖羽荢﨟薰蘒﨡蠇諸譿賴赶﨣﨤逸郞都鄕﨧﨨閒隆﨩霻靍靑飯飼館馞髙魲鶴黑',
    ],
  ],
  ujis: [
    [0xa1c0, '\\〜‖'],
    [0xa1dd, '−'],
    [0xa1f1, '¢£'],
    [0xa2cc, '¬'],
    [0x8fa2b7, '~'],
  ],
  gb18030: [[0xa3a0, '\ue5e5']],
  gb2312: [
    [0xa1a4, '・'],
    [0xa1aa, '―'],
  ],
  sjis: [
    [0x815f, '\\〜‖'],
    [0x817c, '−'],
    [0x8191, '¢£'],
    [0x81ca, '¬'],
  ],
}
