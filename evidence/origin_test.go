package evidence

import "testing"

func TestOrigin(t *testing.T) {
	for _, tt := range []struct{ name, header, sender, client, from string }{
		{"a server of one's own", "Return-Path: <anna@supplier.example>\r\nReceived: from mail.new.example\r\n\tby mail.new.example with LMTP\r\n\tid x; Mon, 1 Jan 2026 10:00:00 +0000\r\n" +
			"Received: from mx.supplier.example (mx4.supplier.example [198.51.100.7])\r\n\tby mail.new.example (Postfix) with ESMTPS id 1\r\n\tfor <bob@new.example>; Mon, 1 Jan 2026 10:00:00 +0000\r\n" +
			"Received: from pc (pc.supplier.example [10.0.0.3]) by mx.supplier.example with ESMTPSA; Mon, 1 Jan 2026 10:00:00 +0000\r\n\r\nfrom: body",
			"mx4.supplier.example", "198.51.100.7", "anna@supplier.example"},
		{"Microsoft 365", "Received: from AM0PR0.eurprd.prod.outlook.com (2603:10a6::1) by\r\n DB9PR0.eurprd.prod.outlook.com with HTTPS; Mon\r\nReceived: from DU2P.prod.outlook.com (2603:10a6::2) by AM0PR0.eurprd.prod.outlook.com (2603:10a6::1) with Microsoft SMTP Server; Mon\r\n" +
			"Received: from mx4.supplier.example (198.51.100.7) by\r\n DU2PE.mail.protection.outlook.com (10.167.242.167) with Microsoft SMTP Server; Mon\r\nFrom: Anna <anna@supplier.example>\r\n",
			"mx4.supplier.example", "198.51.100.7", "anna@supplier.example"},
		{"Google", "Delivered-To: bob@new.example\nReceived: by 2002:a05:6022:1 with SMTP id x; Mon\nReturn-Path: <b@list.example>\nReceived: from helo.example (mail-1.list.example. [203.0.113.9])\n        by mx.google.com with ESMTPS id 7\n",
			"mail-1.list.example", "203.0.113.9", "b@list.example"},
		{"no name", "Received: from [203.0.113.9] (unknown [203.0.113.9]) by mail.new.example; Mon\nFrom: a@b.example\n", "203.0.113.9", "203.0.113.9", "a@b.example"},
		{"from tenant to tenant", "Received: from AS8.eurprd.prod.outlook.com (2603:10a6::5) by DB9.eurprd.prod.outlook.com with HTTPS; Mon\nReceived: from PC (10.0.0.1) by mail.other.example; Mon\nFrom: a@other.example\n",
			"AS8.eurprd.prod.outlook.com", "2603:10a6::5", "a@other.example"},
		{"written there itself", "From: a@b.example\nSubject: Received: from x by y\n", "", "", "a@b.example"},
		{"nonsense", "Received: from\nReceived: by\nReceived: from by by by (((;\n", "", "", ""},
	} {
		sender, client, from, ok := Origin([]byte(tt.header))
		at := ""
		if client.IsValid() {
			at = client.String()
		}
		if sender != tt.sender || at != tt.client || from != tt.from || ok != (tt.sender != "") {
			t.Errorf("%s: %q %q %q %v", tt.name, sender, at, from, ok)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add([]byte("Received: from a.example (b.example [192.0.2.1]) by c.example; Mon\r\n\tx\r\nFrom: <x@y.example>\r\n\r\n"))
	f.Fuzz(func(t *testing.T, header []byte) {
		sender, client, from, _ := Origin(header)
		SystemOf(Observation{Channel: Arriving, Sender: sender, Client: client, From: from}) // must not panic
	})
}
