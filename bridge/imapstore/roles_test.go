package imapstore

import (
	"slices"
	"testing"

	"posthouse/cutover"
)

func TestRolesByName(t *testing.T) {
	cases := []struct {
		name string
		role cutover.FolderRole
	}{
		{"Gesendete Objekte", cutover.Sent}, {"ENTWÜRFE", cutover.Drafts}, {"Papierkorb", cutover.Trash}, {"Junk-E-Mail", cutover.Junk}, {"Archiv", cutover.Archive}, {"Spam-Verdacht", cutover.Junk},
		{"E\u0301le\u0301ments envoye\u0301s", cutover.Sent}, {"Corbeille", cutover.Trash}, {"Brouillons", cutover.Drafts},
		{"Elementos enviados", cutover.Sent}, {"Papelera", cutover.Trash}, {"Posta inviata", cutover.Sent}, {"Cestino", cutover.Trash},
		{"Verzonden items", cutover.Sent}, {"Prullenbak", cutover.Trash}, {"Itens enviados", cutover.Sent}, {"Lixeira", cutover.Trash},
		{"Elementy wysłane", cutover.Sent}, {"Kosz", cutover.Trash}, {"Skickat", cutover.Sent}, {"Papperskorgen", cutover.Trash},
		{"Sendt post", cutover.Sent}, {"Sendte elementer", cutover.Sent}, {"Papirkurv", cutover.Trash}, {"Lähetetyt", cutover.Sent}, {"Roskaposti", cutover.Junk},
		{"Odeslaná pošta", cutover.Sent}, {"Koš", cutover.Trash}, {"Отправленные", cutover.Sent}, {"Корзина", cutover.Trash},
		{"Elküldött elemek", cutover.Sent}, {"Levélszemét", cutover.Junk}, {"Gönderilmiş Öğeler", cutover.Sent}, {"Çöp Kutusu", cutover.Trash},
		{"Απεσταλμένα", cutover.Sent}, {"Πρόχειρα", cutover.Drafts}, {"送信済みアイテム", cutover.Sent}, {"ごみ箱", cutover.Trash},
		{"已发送邮件", cutover.Sent}, {"草稿", cutover.Drafts}, {"보낸 편지함", cutover.Sent}, {"휴지통", cutover.Trash}, {"Sent Items", cutover.Sent}, {" trash ", cutover.Trash},
		{"Projects", cutover.NoRole}, {"Sentimental", cutover.NoRole},
	}
	for _, c := range cases {
		folders := []cutover.Folder{{Path: cutover.FolderPath{c.name}}}
		if rolesByName(folders); folders[0].Role != c.role {
			t.Errorf("%s has the role %q, want %q", c.name, folders[0].Role, c.role)
		}
	}
}

// TestRoleNamesAreUnique: no name may stand for two roles.
func TestRoleNamesAreUnique(t *testing.T) {
	roles := map[string]cutover.FolderRole{}
	for role, names := range roleNames {
		for _, name := range names {
			if other, ok := roles[foldName(name)]; ok && other != role {
				t.Errorf("%s is a name of %s and of %s", name, role, other)
			}
			roles[foldName(name)] = role
		}
	}
}

func TestRolesChoice(t *testing.T) {
	of := func(elements ...string) cutover.Folder { return cutover.Folder{Path: elements} }
	var folders []cutover.Folder
	attributed := of("Ausgang")
	attributed.Role = cutover.Sent
	foreign := of("Shared", "Drafts")
	foreign.Foreign = true
	for _, p := range []cutover.FolderPath{{"Users", "bob", "Sent"}, {"Users", "bob", "Sent Items"}, {"Users", "carl", "Sent Items"}} {
		folders = append(folders, cutover.Folder{Path: p, Foreign: true})
	}
	holder := of("Trash")
	holder.NoSelect = true
	folders = append(folders,
		attributed, of("Sent"), of("Sent Items"), foreign, holder, of("Papierkorb"), of("Projects", "Junk"), of("INBOX", "Spam"), of("Bulk"), of("Archives"), of("Archive"),
	)
	rolesByName(folders)
	got, shared := map[cutover.FolderRole][]string{}, map[string]cutover.FolderRole{}
	for _, f := range folders {
		if f.Foreign {
			shared[f.Path.String()] = f.Role
		} else if f.Role != cutover.NoRole {
			got[f.Role] = append(got[f.Role], f.Path.String())
		}
	}
	want := map[cutover.FolderRole]string{cutover.Sent: "Ausgang", cutover.Trash: "Papierkorb", cutover.Junk: "Bulk", cutover.Archive: "Archive"}
	for role, name := range want {
		if !slices.Equal(got[role], []string{name}) {
			t.Errorf("%s is %q, want %s", role, got[role], name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("roles %v", got)
	}
	if shared["Users / bob / Sent"] != cutover.Sent || shared["Users / bob / Sent Items"] != cutover.NoRole || shared["Users / carl / Sent Items"] != cutover.Sent {
		t.Errorf("each other user has one folder for sent mail: %v", shared)
	}
}
