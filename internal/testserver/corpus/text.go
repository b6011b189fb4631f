package corpus

import "strings"

// language holds phrases for bodies and subjects. Lines are wrapped at a width counted in characters.
type language struct {
	width     int
	joint     string // between sentences
	subjects  []string
	sentences []string
}

// prose returns about size octets of text in the language, in wrapped lines with CRLF, counted in UTF-8.
func (g *Generator) prose(lang string, size int) string {
	l := texts[lang]
	var b strings.Builder
	column := 0
	for b.Len() < size {
		s := pick(g, l.sentences)
		if n := len([]rune(s)); column > 0 && column+n > l.width {
			b.WriteString(crlf)
			column = 0
			if g.rng.IntN(7) == 0 {
				b.WriteString(crlf)
			}
		}
		if column > 0 {
			b.WriteString(l.joint)
		}
		b.WriteString(s)
		column += len([]rune(s))
	}
	b.WriteString(crlf)
	return b.String()
}

func (g *Generator) subject(lang string) string { return pick(g, texts[lang].subjects) }

var texts = map[string]language{
	"en": {72, " ",
		[]string{"Quarterly figures", "Re: Meeting on Thursday", "Invoice 20417", "Fwd: holiday list", "Your order has shipped",
			"[EXTERNAL] Re: offer", "AW: WG: Re: delivery note", "Test", "Scan from device 3", "Minutes, second draft"},
		[]string{"Please find the figures below.", "We meet at ten.", "The pump was delivered on Monday.", "Thank you for your patience.",
			"Could you have a look at it?", "The second page is missing.", "Nobody was told.", "I will call you tomorrow.",
			"All prices are without tax.", "It works again since noon.", "From now on we use the new form.", "See attached."}},
	"de": {72, " ",
		[]string{"Übersicht für Februar", "AW: Prüfbericht Größe 7", "Rückfrage zur Straße", "Ölwechsel", "Grüße aus Köln"},
		[]string{"Schöne Grüße aus Köln.", "Die Prüfung dauert länger.", "Bitte überweisen Sie 19,90 €.", "Wir müssen über die Größe sprechen.",
			"Das Gerät läuft wieder.", "Könnten Sie das bestätigen?", "Anbei die Übersicht.", "Die Straße ist gesperrt."}},
	"fr": {72, " ",
		[]string{"Réunion déplacée à jeudi", "Ré: facture impayée", "Été 2019", "Où êtes-vous ?"},
		[]string{"La réunion est déplacée à jeudi.", "Merci de vérifier les données.", "Le colis est arrivé à l'entrepôt.", "Ça marche.",
			"À bientôt, j'espère.", "Le délai a été prolongé.", "Voici l'adresse exacte."}},
	"ru": {60, " ",
		[]string{"Счёт за ноябрь", "Договор поставки", "Вопрос по заказу"},
		[]string{"Добрый день, коллеги.", "Счёт прилагается.", "Поставка задерживается на неделю.", "Просим подтвердить получение.",
			"Спасибо за помощь.", "Встреча переносится."}},
	"ja": {36, "",
		[]string{"会議のお知らせ", "見積書の送付について", "ご確認ください"},
		[]string{"いつもお世話になっております。", "会議は木曜日に変更されました。", "添付の資料をご確認ください。", "よろしくお願いいたします。", "来週お電話いたします。"}},
	"zh": {36, "",
		[]string{"季度报告", "关于合同的问题", "会议改期"},
		[]string{"您好,请查收附件。", "会议改到星期四上午。", "合同已经寄出。", "谢谢您的帮助。", "价格不含税。"}},
	"ar": {60, " ",
		[]string{"تقرير الشهر", "موعد الاجتماع", "فاتورة جديدة"},
		[]string{"تحية طيبة وبعد.", "الاجتماع يوم الخميس.", "يرجى تأكيد الاستلام.", "شكرا لتعاونكم.", "الملف مرفق."}},
	"emoji": {40, " ",
		[]string{"🎉 Party 🎂 on Friday", "👩🏽‍💻 new laptop", "🇪🇺 → 🇯🇵 ✈️", "❤️"},
		[]string{"See you 👋🏽!", "👨‍👩‍👧‍👦 all together", "It is 35 °C 🥵", "done ✅", "zero\u200bwidth and combining é", "𝕌nicode outside the BMP 𠜎"}},
}

var people = []Address{
	{"Anna Berg", "anna@berg.example"}, {"Jürgen Groß", "j.gross@werk.example"}, {"", "noreply@shop.example"},
	{"Ivan Петров", "petrov@zavod.example"}, {"山田 太郎", "yamada@kaisha.example"}, {"O'Neill, Mary", "mary.oneill@partner.example"},
	{"Zoë Müller-Lüdenscheidt", "zoe@partner.example"}, {"محمد علي", "mali@sharika.example"}, {"王小明", "wang@gongsi.example"},
	{"Scanner 3", "scanner-3@device.example"}, {"Payroll", "payroll@acme.example"}, {"Dr. \"Bob\" Stone", "bob+tag@supplier.example"},
	{"", "mailer-daemon@mx4.supplier.example"}, {"François Lefèvre", "francois@maison.example"}, {"Newsletter", "news@letters.example"},
}
