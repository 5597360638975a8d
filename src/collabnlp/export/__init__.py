"""What people open: the workbook, the pictures, and the text that commands print."""
