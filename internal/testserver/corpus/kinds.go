package corpus

// Kind names what is particular about a message.
type Kind string

// The kinds, the everyday ones first.
const (
	Plain         Kind = "plain"          // short ASCII text
	UTF8QP        Kind = "utf8-qp"        // UTF-8 in quoted-printable, encoded words in the header
	UTF8Raw       Kind = "utf8-8bit"      // UTF-8 body as 8bit
	HTML          Kind = "html"           // text/html alone
	Alternative   Kind = "alternative"    // text and HTML
	Attachment    Kind = "attachment"     // multipart/mixed with a base64 file
	Large         Kind = "large"          // 100 KiB up to the limit
	Flowed        Kind = "flowed"         // format=flowed (RFC 3676), with space-stuffing
	List          Kind = "list"           // mailing list fields
	Latin1        Kind = "latin1-8bit"    // ISO-8859-1 octets, 8bit
	KOI8R         Kind = "koi8-r"         // Russian, 8bit
	ISO2022JP     Kind = "iso-2022-jp"    // Japanese, 7bit with escapes
	Arabic        Kind = "arabic"         // right to left, base64
	Chinese       Kind = "chinese"        // GB18030, base64
	Emoji         Kind = "emoji"          // joined emoji in Subject and body
	Nested        Kind = "nested"         // multipart in multipart in multipart, inline image
	Forwarded     Kind = "forwarded"      // message/rfc822 inside
	Invite        Kind = "invite"         // text/calendar; method=REQUEST
	DSN           Kind = "dsn"            // multipart/report, null sender
	Receipt       Kind = "receipt"        // asks for a read receipt
	Folded        Kind = "folded"         // header fields folded at every chance
	LongHeader    Kind = "long-header"    // hundreds of recipients and a 900-octet field line
	DoubleFields  Kind = "double-fields"  // Subject, To and Date twice
	EmptySubject  Kind = "empty-subject"  // "Subject:" with nothing after it
	NoSubject     Kind = "no-subject"     // no Subject field
	OddDate       Kind = "odd-date"       // a Date of an obsolete or impossible form
	NoDate        Kind = "no-date"        // no Date field
	NoMessageID   Kind = "no-message-id"  // no Message-ID field
	OddMessageID  Kind = "odd-message-id" // a Message-ID without brackets, with blanks or 8-bit octets
	SameID        Kind = "same-id"        // the Message-ID of an earlier, different message
	Duplicate     Kind = "duplicate"      // the identical bytes of an earlier message
	Short         Kind = "short"          // a body of one octet or word
	NoBody        Kind = "no-body"        // a header and nothing else, sometimes without the empty line
	Dots          Kind = "dots"           // lines that start with dots, or are nothing else
	LongLines     Kind = "long-lines"     // lines of exactly 998 octets
	NoFinalEOL    Kind = "no-final-eol"   // last line without CRLF
	RawHeader     Kind = "raw-header"     // unencoded Latin-1 and UTF-8 octets in header fields
	BadMIME       Kind = "bad-mime"       // boundary that never comes, unknown charset, wrong encoding
	NoFrom        Kind = "no-from"        // no From field; Sender only
	TrailingSpace Kind = "trailing-space" // trailing blanks, tabs, form feeds, many empty lines at the end
)

type builder struct {
	kind   Kind
	weight int // cards in the deck
	build  func(*draft)
}

// builderList is in the order of the constants: its order decides the deck and so the output for a seed.
var builderList = []builder{
	{Plain, 18, buildPlain}, {UTF8QP, 12, buildUTF8QP}, {UTF8Raw, 6, buildUTF8Raw}, {HTML, 6, buildHTML},
	{Alternative, 14, buildAlternative}, {Attachment, 12, buildAttachment}, {Large, 0, buildLarge},
	{Flowed, 3, buildFlowed}, {List, 4, buildList}, {Latin1, 2, buildLatin1}, {KOI8R, 1, buildKOI8R},
	{ISO2022JP, 2, buildISO2022JP}, {Arabic, 1, buildArabic}, {Chinese, 1, buildChinese}, {Emoji, 2, buildEmoji},
	{Nested, 2, buildNested}, {Forwarded, 2, buildForwarded}, {Invite, 2, buildInvite}, {DSN, 1, buildDSN},
	{Receipt, 1, buildReceipt}, {Folded, 1, buildFolded}, {LongHeader, 1, buildLongHeader},
	{DoubleFields, 1, buildDoubleFields}, {EmptySubject, 1, buildEmptySubject}, {NoSubject, 1, buildNoSubject},
	{OddDate, 2, buildOddDate}, {NoDate, 1, buildNoDate}, {NoMessageID, 2, buildNoMessageID},
	{OddMessageID, 1, buildOddMessageID}, {SameID, 2, buildSameID}, {Duplicate, 2, buildPlain},
	{Short, 2, buildShort}, {NoBody, 1, buildNoBody}, {Dots, 1, buildDots}, {LongLines, 1, buildLongLines},
	{NoFinalEOL, 1, buildNoFinalEOL}, {RawHeader, 1, buildRawHeader}, {BadMIME, 1, buildBadMIME},
	{NoFrom, 1, buildNoFrom}, {TrailingSpace, 1, buildTrailingSpace},
}

var builders = byKind(builderList)

func byKind(list []builder) map[Kind]builder {
	m := make(map[Kind]builder, len(list))
	for _, b := range list {
		m[b.kind] = b
	}
	return m
}

// Kinds returns all kinds, in a fixed order.
func Kinds() []Kind {
	kinds := make([]Kind, len(builderList))
	for i, b := range builderList {
		kinds[i] = b.kind
	}
	return kinds
}

func newDeck() []Kind {
	var deck []Kind
	for _, b := range builderList {
		for range b.weight {
			deck = append(deck, b.kind)
		}
	}
	return deck
}
