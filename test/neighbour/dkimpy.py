import json, sys
import dkim

ask = json.load(open(sys.argv[1]))

def txt(name, timeout=5):
    if isinstance(name, bytes):
        name = name.decode()
    record = ask["zone"].get(name.rstrip("."))
    return record.encode() if record else None

def arc(message):
    cv, results, reason = dkim.ARC(message).verify(dnsfunc=txt)
    return (cv or b"fail").decode(), str(reason)

def signed(message):
    if b"dkim-signature:" not in message.lower():
        return "none"
    try:
        return "pass" if dkim.DKIM(message).verify(dnsfunc=txt) else "fail"
    except dkim.DKIMException:
        return "fail"

answer = {}
for name, path in ask["verify"].items():
    message = open(path, "rb").read()
    state, reason = arc(message)
    answer[name] = {"ARC": state, "DKIM": signed(message), "Reason": reason}
print(json.dumps(answer))
