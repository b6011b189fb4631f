package imapstore

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"posthouse/cutover"
)

// roleNames are the names that servers and clients give to folders of a role where no attribute tells (RFC 6154 is young). Earlier names win when a
// mailbox has several of them.
var roleNames = map[cutover.FolderRole][]string{
	cutover.Sent: {
		"Sent", "Sent Items", "Sent Messages", "Sent Mail", "Sent-Mail", "sent_mail", "Outbox.Sent",
		"Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten", "Gesendet",
		"Éléments envoyés", "Messages envoyés", "Courrier envoyé", "Envoyés", "Objets envoyés",
		"Elementos enviados", "Mensajes enviados", "Enviados", "Correo enviado",
		"Posta inviata", "Inviati", "Elementi inviati", "Messaggi inviati",
		"Verzonden items", "Verzonden", "Verzonden berichten",
		"Itens enviados", "Mensagens enviadas", "Itens Enviadas", "E-mails enviados",
		"Elementy wysłane", "Wysłane", "Wiadomości wysłane",
		"Skickat", "Skickade objekt", "Skickade",
		"Sendt post", "Sendt", "Sendte elementer", "Sendte meldinger",
		"Lähetetyt", "Lähetetyt viestit",
		"Odeslaná pošta", "Odeslané", "Odeslané zprávy",
		"Отправленные", "Отправленное",
		"Elküldött elemek", "Elküldött", "Elküldött üzenetek",
		"Gönderilmiş Öğeler", "Gönderilmiş", "Gönderilenler", "Gönderilmiş Postalar",
		"Απεσταλμένα", "Απεσταλμένα στοιχεία",
		"送信済みアイテム", "送信済み", "送信済みメール", "送信済みトレイ",
		"已发送邮件", "已发送", "已发邮件", "寄件備份", "已傳送郵件", "寄件備份匣",
		"보낸 편지함", "보낸편지함", "보낸 메일함", "보낸메일함",
	},
	cutover.Drafts: {
		"Drafts", "Draft", "Entwürfe", "Entwurf", "Brouillons", "Brouillon", "Borradores", "Bozze", "Concepten", "Rascunhos",
		"Kopie robocze", "Szkice", "Wersje robocze", "Utkast", "Kladder", "Udkast", "Kladd", "Luonnokset", "Koncepty", "Rozepsané", "Черновики",
		"Piszkozatok", "Taslaklar", "Πρόχειρα", "下書き", "草稿", "草稿箱", "草稿匣", "임시 보관함", "임시보관함", "임시 메일함",
	},
	cutover.Junk: {
		"Junk", "Junk E-mail", "Junk E-Mail", "Junk Email", "Junk Mail", "Spam", "Bulk Mail", "Bulk",
		"Junk-E-Mail", "Spamverdacht", "Spam-Verdacht", "Unerwünscht", "Werbung", "Courrier indésirable", "Indésirables", "Pourriel",
		"Correo no deseado", "Correo electrónico no deseado", "No deseado", "Posta indesiderata", "Indesiderata",
		"Ongewenste e-mail", "Ongewenst", "Lixo eletrônico", "Lixo Eletrónico", "Correio eletrônico não solicitado", "E-mail de lixo",
		"Wiadomości-śmieci", "Wiadomości śmieci", "Niechciane", "Skräppost", "Uønsket mail", "Uønsket e-mail", "Uønsket e-post", "Søppelpost",
		"Roskaposti", "Nevyžádaná pošta", "Nevyžádané", "Нежелательная почта", "Спам", "Levélszemét", "Önemsiz E-posta", "Önemsiz", "İstenmeyen",
		"Ανεπιθύμητη αλληλογραφία", "Ανεπιθύμητα", "迷惑メール", "垃圾邮件", "垃圾電子郵件", "垃圾郵件", "정크 메일", "스팸", "스팸메일함", "스팸 메일함",
	},
	cutover.Trash: {
		"Trash", "Deleted Items", "Deleted Messages", "Deleted", "Bin", "Wastebasket", "Gelöschte Elemente", "Gelöschte Objekte", "Gelöschte Nachrichten", "Gelöscht", "Papierkorb",
		"Éléments supprimés", "Corbeille", "Messages supprimés", "Poubelle", "Elementos eliminados", "Papelera", "Eliminados", "Papelera de reciclaje",
		"Posta eliminata", "Cestino", "Elementi eliminati", "Verwijderde items", "Prullenbak", "Verwijderd",
		"Itens excluídos", "Itens eliminados", "Lixeira", "Lixo", "Elementy usunięte", "Kosz", "Borttaget", "Papperskorgen", "Borttagna objekt",
		"Slettet post", "Slettede elementer", "Papirkurv", "Papirkurven", "Søppel", "Søppelbøtte", "Poistetut", "Roskakori",
		"Odstraněná pošta", "Koš", "Удаленные", "Удалённые", "Корзина", "Törölt elemek", "Kuka", "Törölt üzenetek",
		"Silinmiş Öğeler", "Çöp Kutusu", "Çöp", "Silinmiş", "Διαγραμμένα", "Κάδος απορριμμάτων", "Κάδος", "Διαγραμμένα στοιχεία",
		"削除済みアイテム", "ごみ箱", "ゴミ箱", "已删除邮件", "已删除", "垃圾箱", "回收站", "刪除的郵件", "垃圾桶", "지운 편지함", "휴지통", "삭제된 항목",
	},
	cutover.Archive: {
		"Archive", "Archives", "Archiv", "Archivo", "Archivio", "Archief", "Arquivo", "Arquivo Morto", "Arquivar", "Archiwum", "Arkiv", "Arkisto", "Archív",
		"Архив", "Archívum", "Arşiv", "Αρχειοθήκη", "Αρχείο", "アーカイブ", "存档", "归档", "封存", "보관", "보관함",
	},
}

// roleRank finds the role of a name and how well it names it: 0 is best.
var roleRank = func() map[string]namedRole {
	ranks := map[string]namedRole{}
	for role, names := range roleNames {
		for rank, name := range names {
			ranks[foldName(name)] = namedRole{role, rank}
		}
	}
	return ranks
}()

type namedRole struct {
	role cutover.FolderRole
	rank int
}

// foldName makes names comparable: normal form, lower case, no blanks around.
func foldName(name string) string {
	return strings.ToLower(norm.NFC.String(strings.TrimSpace(name)))
}

// rolesByName gives each role that no folder has by attribute to the folder that is best named for it. Only folders at the top of the personal
// namespace, or directly below INBOX, are considered: "Projects/Sent" is somebody's own folder. Foreign folders have their roles among those with the same parent, which may be somebody's
// mailbox.
func rolesByName(folders []cutover.Folder) {
	type use struct {
		owner string
		role  cutover.FolderRole
	}
	taken := map[use]bool{}
	for _, f := range folders {
		taken[use{owner(f), f.Role}] = true
	}
	best := map[use]int{} // → index of the folder
	for i, f := range folders {
		named, ok := roleRank[foldName(f.Path[len(f.Path)-1])]
		as := use{owner(f), named.role}
		if !ok || f.Role != cutover.NoRole || f.NoSelect || taken[as] || !f.Foreign && !shallow(f.Path) {
			continue
		}
		if have, found := best[as]; !found || better(f, folders[have]) {
			best[as] = i
		}
	}
	for as, i := range best {
		folders[i].Role = as.role
	}
}

// owner tells mailboxes apart: ours has all that is not foreign.
func owner(f cutover.Folder) string {
	if !f.Foreign {
		return ""
	}
	return "below " + f.Path[:len(f.Path)-1].Key()
}

func shallow(p cutover.FolderPath) bool {
	return len(p) == 1 || len(p) == 2 && p[0] == "INBOX"
}

func better(a, b cutover.Folder) bool {
	if len(a.Path) != len(b.Path) {
		return len(a.Path) < len(b.Path)
	}
	return roleRank[foldName(a.Path[len(a.Path)-1])].rank < roleRank[foldName(b.Path[len(b.Path)-1])].rank
}
