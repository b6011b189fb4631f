package sqlite

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"
)

// spares are empty files for large bodies, made ahead, and their names on stable storage: whoever stores a body in one need not wait for the folder, which all who make files in it wait for. None is made
// before the first large body. After a crash they are orphans.
type spares struct {
	folder string
	files  chan *os.File
	wanted chan struct{}

	once sync.Once
	quit chan struct{}
	done sync.WaitGroup
}

// spareFiles is how many lie ready at most.
const spareFiles = 16

func newSpares(folder string) *spares {
	return &spares{folder: folder, files: make(chan *os.File, spareFiles), wanted: make(chan struct{}, 1), quit: make(chan struct{})}
}

// take returns an open, empty file, and whether its name will last.
func (s *spares) take() (f *os.File, lasts bool, err error) {
	s.once.Do(func() { s.done.Go(s.fill) })
	select {
	case f = <-s.files:
		lasts = true
	default:
		f, err = s.make()
	}
	select {
	case s.wanted <- struct{}{}:
	default:
	}
	return f, lasts, err
}

func (s *spares) make() (*os.File, error) {
	return os.OpenFile(filepath.Join(s.folder, rand.Text()+".eml"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// fill makes files whenever one was taken, as many as there is room for with one synchronisation of the folder.
func (s *spares) fill() {
	for {
		select {
		case <-s.wanted:
		case <-s.quit:
			return
		}
		s.refill()
	}
}

// refill gives up where a file cannot be made: whoever needs one then makes it, and hears why not.
func (s *spares) refill() {
	var made []*os.File
	for range spareFiles - len(s.files) {
		f, err := s.make()
		if err != nil {
			break
		}
		made = append(made, f)
	}
	lasting := syncFolder(s.folder) == nil
	for _, f := range made {
		if lasting {
			s.files <- f // has room: nobody else puts any in
		} else {
			discard(f)
		}
	}
}

// close removes what was not used.
func (s *spares) close() {
	close(s.quit)
	s.done.Wait()
	close(s.files)
	for f := range s.files {
		discard(f)
	}
}

func discard(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}
