package config

import (
	"encoding/pem"
	"os"
	"strings"
)

// swapped finds a certificate in the place of its key, and the other way round. What it cannot read or does not know is left to those who use it.
func (c *checker) swapped(path, cert, key string) {
	if certs, keys := pemBlocks(key); certs && !keys {
		c.bad(path+"_key", "were the two mixed up?", "%s holds a certificate and no key", key)
	}
	if certs, keys := pemBlocks(cert); keys && !certs {
		c.bad(path+"_cert", "were the two mixed up?", "%s holds a key and no certificate", cert)
	}
}

func pemBlocks(path string) (certs, keys bool) {
	if path == "" || readableFile(path, false) != nil {
		return false, false
	}
	rest, err := os.ReadFile(path)
	if err != nil {
		return false, false
	}
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		certs = certs || block.Type == "CERTIFICATE"
		keys = keys || strings.HasSuffix(block.Type, "PRIVATE KEY")
	}
	return certs, keys
}
