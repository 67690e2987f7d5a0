"""The business processes of the reference company, one small module each; `fupan.demo.process` says what a process is."""
