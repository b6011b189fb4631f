import functools, json, sys
import authheaders, authheaders.dmarc_lookup, spf
from authheaders import check_dkim, check_dmarc
from authres import SPFAuthenticationResult

ask = json.load(open(sys.argv[1]))

def records(name):
    if isinstance(name, bytes):
        name = name.decode()
    return ask["zone"].get(name.rstrip("."), [])

def lookup(name, qtype, tcpfallback=True, timeout=5):
    return [((name, qtype), [r.encode()]) for r in records(name)] if qtype == "TXT" else []

spf.DNSLookup = lookup
# It reads the list of public suffixes anew for each question.
authheaders.get_org_domain = authheaders.dmarc_lookup.get_org_domain = functools.cache(authheaders.dmarc_lookup.get_org_domain)

def first(name, timeout=5):
    found = records(name)
    return (found[0].encode() if isinstance(name, bytes) else found[0]) if found else None

answer = {}
for name, sent in ask["sent"].items():
    message = open(sent["File"], "rb").read()
    by_spf, _ = spf.check2(sent["Client"], sent["From"], sent["Helo"])
    s = SPFAuthenticationResult(result=by_spf, smtp_mailfrom=sent["From"], smtp_helo=sent["Helo"])
    signed = b"dkim-signature:" in message.lower()
    d = check_dkim(message, dnsfunc=first) if signed else None
    m = check_dmarc(message, s, d, dnsfunc=first)
    answer[name] = {"SPF": by_spf, "DKIM": d.result if signed else "none", "DMARC": m.result}
print(json.dumps(answer))
