package imapstore

// Left is what is free of a budget.
func Left(b *Budget) int64 { return b.left.Load() }
